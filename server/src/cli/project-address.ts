import { isChannelId, type PageRule } from '../core/project.ts'
import { CommandError } from './command-errors.ts'
import { ApiError, type LocalApi, pathOf } from './local-api.ts'
import { addressOf, findStore } from './store-address.ts'

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

/**
 * The project of a channel id, or of a store as `findStore` takes it. Throws CommandError, also
 * where that store is no project.
 */
export async function findProject(api: LocalApi, text: string): Promise<ProjectData> {
  const found = isChannelId(text) ? await getProject(api, text) : undefined
  if (found) return found
  const store = await findStore(api, text)
  const project = store.channelId === undefined ? undefined : await getProject(api, store.channelId)
  if (project) return project
  throw new CommandError(`The store ${addressOf(store)} is no project.`)
}

/** How people call a project: by its store. */
export function projectNameOf({ storeId, ...project }: ListedProjectData): string {
  return addressOf({ id: storeId, ...project })
}

async function getProject(api: LocalApi, channelId: string): Promise<ProjectData | undefined> {
  try {
    return await api.ask<ProjectData>('GET', pathOf(projectPath, channelId))
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}
