import { type Answered, type Asked, type Json, Remote } from '../network/remote.ts'

/** Parameters of a call, as the door takes them. */
export type Parameters = Readonly<Record<string, unknown>>

/** How a call carries its parameters. */
export type Carrier = 'query' | 'form' | 'json'

export interface PageAsked extends Asked {
  readonly parameters?: Parameters
  readonly carrier?: Carrier
}

/** A project of a server, with the requests of its owner and its pages. */
export class ApplabProject {
  readonly #remote: Remote
  readonly #token: string
  readonly channelId: string
  readonly storeId: string
  readonly #pageKey: string

  private constructor(
    remote: Remote,
    token: string,
    made: { channelId: string; storeId: string; pageKey: string },
  ) {
    this.#remote = remote
    this.#token = token
    this.channelId = made.channelId
    this.storeId = made.storeId
    this.#pageKey = made.pageKey
  }

  static async create(
    { url, token }: { url: string; token: string },
    { name = 'a project', ...settings }: { name?: string } & ProjectSettings = {},
  ): Promise<ApplabProject> {
    const remote = new Remote(url)
    const json = { name }
    const { data } = await remote.do('/applab/projects', { method: 'POST', token, json })
    const project = new ApplabProject(remote, token, data)
    if (Object.keys(settings).length > 0) await project.change(settings)
    return project
  }

  get pageKey(): string {
    return this.#pageKey
  }

  /** A call without a token or page key. */
  send(action: string, { parameters, carrier, ...asked }: PageAsked = {}): Promise<Answered> {
    const method = asked.method ?? methods[action] ?? 'GET'
    const carried = parameters ? carry(parameters, carrier ?? carrierOf(method)) : {}
    const { query = '', ...body } = carried
    const headers = { ...body.headers, ...asked.headers }
    const path = `/datablock_storage/${this.channelId}/${action}${query}`
    return this.#remote.send(path, { ...body, ...asked, headers, method })
  }

  /** A call by its owner. */
  asOwner(action: string, asked: PageAsked = {}): Promise<Answered> {
    return this.send(action, { token: this.#token, ...asked })
  }

  /** A call by a page that has the page key. */
  asPage(action: string, asked: PageAsked = {}): Promise<Answered> {
    const headers = { 'X-Page-Key': this.#pageKey, ...asked.headers }
    return this.send(action, { ...asked, headers })
  }

  /** The value of a key as JSON. Throws if the request is refused. */
  async get(key: string): Promise<Json> {
    const { status, text } = await this.asOwner('get_key_value', { parameters: { key } })
    if (status !== 200) throw new Error(`${key} was answered with ${status}: ${text}`)
    return JSON.parse(text)
  }

  async all(): Promise<Json> {
    return JSON.parse((await this.asOwner('get_key_values')).text)
  }

  /** Sets a value as the owner. */
  async set(key: string, value: unknown): Promise<void> {
    const parameters = { key, value: JSON.stringify(value) }
    const { status, text } = await this.asOwner('set_key_value', { parameters })
    if (status !== 200) throw new Error(`${key} was answered with ${status}: ${text}`)
  }

  /** From now on, pages need another page key. */
  async rotateKey(): Promise<void> {
    const path = `/coatcheck/v1/projects/${this.channelId}/rotate-key`
    await this.#remote.do(path, { method: 'POST', token: this.#token })
  }

  async change(settings: ProjectSettings): Promise<void> {
    const path = `/coatcheck/v1/projects/${this.channelId}`
    await this.#remote.do(path, { method: 'PATCH', token: this.#token, json: settings })
  }
}

interface ProjectSettings {
  readonly isOpen?: boolean
  readonly mayDelete?: boolean
  readonly listPrefixes?: readonly string[]
  readonly rules?: readonly object[]
}

const methods: Readonly<Record<string, string>> = {
  set_key_value: 'POST',
  delete_key_value: 'DELETE',
  populate_key_values: 'PUT',
  clear_all_data: 'DELETE',
}

/** The carrier that App Lab's own client uses. */
function carrierOf(method: string): Carrier {
  return method === 'GET' || method === 'HEAD' ? 'query' : 'json'
}

function carry(
  parameters: Parameters,
  carrier: Carrier,
): { query?: string; body?: string; headers?: Record<string, string> } {
  if (carrier === 'json') {
    const headers = { 'Content-Type': 'application/json' }
    return { body: JSON.stringify(parameters), headers }
  }
  const texts = Object.entries(parameters).map(([name, value]) => [name, String(value)])
  const form = new URLSearchParams(texts).toString()
  if (carrier === 'query') return { query: `?${form}` }
  return { body: form, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }
}

/** The sentence and the type of a refusal. */
export function refusalOf({ status, text }: Pick<Answered, 'status' | 'text'>): {
  status: number
  type: string
} {
  const { msg, type } = JSON.parse(text)
  if (typeof msg !== 'string' || msg === '') throw new Error(`The refusal has no message: ${text}`)
  return { status, type }
}
