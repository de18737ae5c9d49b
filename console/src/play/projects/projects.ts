import { Refusal } from '../page/refusal.ts'
import type { Server } from './server.ts'

/** How a program reaches a project. */
export interface ProjectAddress {
  readonly channelId: string
  readonly pageKey: string | undefined
}

export interface ListedProject {
  readonly channelId: string
  readonly title: string
  /** The name of its store, which no other store of the same user has; '' if it has none. */
  readonly name: string
}

const path = 'coatcheck/v1/projects'

/** The projects of the user whose token the server gets. Methods reject with Refusal. */
export class Projects {
  readonly #server: Server

  constructor(server: Server) {
    this.#server = server
  }

  async list(): Promise<readonly ListedProject[]> {
    const { items } = await this.#data(path)
    return Array.isArray(items) ? items.map(listed) : []
  }

  async create(name: string): Promise<ListedProject> {
    return listed(await this.#data(path, { method: 'POST', json: { name } }))
  }

  async address(channelId: string): Promise<ProjectAddress> {
    const { pageKey } = await this.#data(`${path}/${encodeURIComponent(channelId)}`)
    return { channelId, pageKey: typeof pageKey === 'string' ? pageKey : undefined }
  }

  async #data(...asked: Parameters<Server['ask']>): Promise<Record<string, unknown>> {
    const { text } = await this.#server.ask(...asked)
    return Object(Object(JSON.parse(text)).data)
  }
}

function listed(item: unknown): ListedProject {
  const { channelId, title, name } = Object(item)
  if (typeof channelId !== 'string')
    throw new Refusal(400, 'The server sent a project without an id.')
  const shown = [title, name, channelId].find((text) => typeof text === 'string' && text !== '')
  return { channelId, title: shown, name: typeof name === 'string' ? name : '' }
}

/** A label that tells a project from the others: its title, with the store's name if needed. */
export function labelOf({ title, name }: ListedProject, all: readonly ListedProject[]): string {
  const isOnly = all.filter((other) => looksOf(other) === looksOf({ title })).length < 2
  return isOnly || name === '' ? title : `${title} (${name})`
}

/** Browsers show several blanks of an option as one. */
function looksOf({ title }: Pick<ListedProject, 'title'>): string {
  return title.replace(/\s+/g, ' ').trim()
}
