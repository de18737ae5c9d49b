import { isChannelId, type PageRule } from '../../core/pages/project.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { ApiError, type LocalApi, pathOf } from './local-api.ts'
import { addressOf, findStore, findStores } from './store-address.ts'

/** As the API lists a project. */
export interface ListedProjectData {
  readonly channelId: string
  readonly storeId: string
  readonly name: string | null
  readonly title: string | null
  readonly userId: string
  readonly username: string | null
  readonly createdAt: string
  readonly pairCount: number
  readonly isOpen: boolean
  readonly mayDelete: boolean
  readonly listPrefixes: readonly string[]
  readonly rules: readonly PageRule[]
  readonly hasSeed: boolean
}

/** As the API describes one to whoever may manage it. */
export interface ProjectData extends ListedProjectData {
  readonly pageKey: string
}

export const projectsPath = '/coatcheck/v1/projects'
export const projectPath = `${projectsPath}/:channel`

/** One that a text can stand for, and what of it the text is. */
interface Meant {
  readonly project: ProjectData
  readonly by: 'channel id' | 'store'
}

/**
 * The project of a channel id, or of a store as `findStore` takes it. A channel id of one's own may
 * be another store's name or id, so both are looked for. Throws CommandError, also where two could
 * be meant, and where that store is no project.
 */
export async function findProject(api: LocalApi, text: string): Promise<ProjectData> {
  const meant = await projectsMeant(api, text)
  const [only] = meant
  if (!only)
    throw new CommandError(`The store ${addressOf(await findStore(api, text))} is no project.`)
  if (meant.length === 1) return only.project
  const names = meant.map(({ project, by }) => `${projectNameOf(project)} by its ${by}`)
  const words = meant.map(({ project }) => clearNameOf(project, text))
  throw new CommandError(`Which of these is ${text}: ${either(names)}? Say ${words.join(' or ')}.`)
}

/** The project of exactly that channel. Throws ApiError. */
export function readProject(api: LocalApi, channelId: string): Promise<ProjectData> {
  return api.ask<ProjectData>('GET', pathOf(projectPath, channelId))
}

/** How people call a project: by its store. */
export function projectNameOf({ storeId, ...project }: ListedProjectData): string {
  return addressOf({ id: storeId, ...project })
}

/** Each project once. */
async function projectsMeant(api: LocalApi, text: string): Promise<readonly Meant[]> {
  const meant = new Map<string, Meant>()
  const byChannel = isChannelId(text) ? await getProject(api, text) : undefined
  if (byChannel) meant.set(byChannel.storeId, { project: byChannel, by: 'channel id' })
  for (const { id, channelId } of await findStores(api, text)) {
    if (channelId === undefined || meant.has(id)) continue
    const project = await getProject(api, channelId)
    if (project) meant.set(id, { project, by: 'store' })
  }
  return [...meant.values()]
}

/** What stands for the project where the text stands for another one too. */
function clearNameOf(project: ProjectData, text: string): string {
  if (project.name !== null) return projectNameOf(project)
  return project.channelId === text ? project.storeId : project.channelId
}

function either(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')}, or ${names.at(-1)}`
}

async function getProject(api: LocalApi, channelId: string): Promise<ProjectData | undefined> {
  try {
    return await readProject(api, channelId)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}
