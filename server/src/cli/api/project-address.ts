import { isChannelId, type PageRule } from '../../core/pages/project.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { ApiError, type LocalApi, pathOf } from './local-api.ts'
import { addressOf, findStore, findStores } from './store-address.ts'

/** A project, as the API lists it. */
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

/** A project, as the API describes it to users who may manage it. */
export interface ProjectData extends ListedProjectData {
  readonly pageKey: string
}

export const projectsPath = '/coatcheck/v1/projects'
export const projectPath = `${projectsPath}/:channel`

/** A project that a text may mean, and which of its names the text is. */
interface Meant {
  readonly project: ProjectData
  readonly by: 'channel id' | 'store'
}

/**
 * Finds a project by its channel id, or by its store as `findStore` takes it. A channel id may
 * equal the name or id of another store, because users may choose it, so both are looked up. Throws
 * CommandError, also if the text means two projects, or a store that is not a project.
 */
export async function findProject(api: LocalApi, text: string): Promise<ProjectData> {
  const meant = await projectsMeant(api, text)
  const [only] = meant
  if (!only)
    throw new CommandError(`The store ${addressOf(await findStore(api, text))} is not a project.`)
  if (meant.length === 1) return only.project
  const names = meant.map(({ project, by }) => `${projectNameOf(project)} by its ${by}`)
  const words = meant.map(({ project }) => clearNameOf(project, text))
  throw new CommandError(`${text} means two projects: ${either(names)}. Use ${words.join(' or ')}.`)
}

/** Reads the project with exactly this channel id. Throws ApiError. */
export function readProject(api: LocalApi, channelId: string): Promise<ProjectData> {
  return api.ask<ProjectData>('GET', pathOf(projectPath, channelId))
}

/** The name of a project for people: the address of its store. */
export function projectNameOf({ storeId, ...project }: ListedProjectData): string {
  return addressOf({ id: storeId, ...project })
}

/** The projects that a text may mean, each of them once. */
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

/** A name of the project that means no other project. */
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
