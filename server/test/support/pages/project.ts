import type { Answered, Asked, Json, Remote } from '../network/remote.ts'

const path = '/coatcheck/v1/projects'

/** A project, through Coatcheck's own API. */
export class TestProject {
  readonly channelId: string
  readonly storeId: string
  readonly pageKey: string
  readonly #remote: Remote
  readonly #token: string

  private constructor(remote: Remote, token: string, { channelId, storeId, pageKey }: Json) {
    this.#remote = remote
    this.#token = token
    this.channelId = channelId
    this.storeId = storeId
    this.pageKey = pageKey
  }

  static async create(
    remote: Remote,
    { token, name = 'Game', ...rest }: { token: string; name?: string; isOpen?: boolean },
  ): Promise<TestProject> {
    const json = { name, ...rest }
    return new TestProject(
      remote,
      token,
      (await remote.do(path, { method: 'POST', token, json })).data,
    )
  }

  /** Sends a request to a path below the project's own. */
  send(part: string, asked: Asked = {}): Promise<Answered> {
    return this.#remote.send(`${path}/${this.channelId}${part}`, { token: this.#token, ...asked })
  }

  /** Like `send`, but throws if the request is refused. Returns the `data` of the answer. */
  async do(part: string, asked: Asked = {}): Promise<Json> {
    const url = `${path}/${this.channelId}${part}`
    return (await this.#remote.do(url, { token: this.#token, ...asked })).data
  }

  /** All pairs, from the export. */
  async pairs(): Promise<Json> {
    const { status, text } = await this.send('/export')
    if (status !== 200) throw new Error(`The export was answered with ${status}: ${text}`)
    return JSON.parse(text)
  }

  /** Puts a record through the Apify door. */
  async put(key: string, asked: Asked): Promise<void> {
    const url = `/v2/key-value-stores/${this.storeId}/record?key=${encodeURIComponent(key)}`
    await this.#remote.do(url, { method: 'PUT', token: this.#token, ...asked })
  }
}
