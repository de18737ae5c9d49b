import { AppLabError } from './errors.ts'
import { exchange, exchangeSync, type Reply, type RouteCall, replyValue } from './exchange.ts'
import { PageUser } from './page-user.ts'

export interface ProjectAddress {
  /** The URL of the server, such as `http://127.0.0.1:8288`. */
  readonly baseUrl: string | URL
  readonly channelId: string
  /** Not needed if the project is open to all who know its channel id; '' counts as none. */
  readonly pageKey?: string | undefined
}

/** A project as a page reaches it: makes calls, and sends them in two ways, waiting or blocking. */
export class Project {
  readonly #url: URL
  readonly #pageKey: string | undefined
  readonly #user: PageUser

  constructor({ baseUrl, channelId, pageKey }: ProjectAddress) {
    const folder = String(baseUrl).replace(/\/*$/, '/')
    this.#url = new URL(`datablock_storage/${encodeURIComponent(channelId)}/`, folder)
    this.#pageKey = pageKey
    this.#user = new PageUser(this.#url.href)
  }

  /** Undefined until the server has given one. */
  get userId(): string | undefined {
    return this.#user.id
  }

  /**
   * The answer is the key's value, or null if there is none. Throws AppLabError `KEY_INVALID` for
   * half a character, which a URL can't carry: the server would read another key.
   */
  getCall(key: unknown): RouteCall {
    const url = new URL('get_key_value', this.#url)
    url.searchParams.set('key', whole(String(key)))
    return { method: 'GET', url, headers: {} }
  }

  /**
   * Throws TypeError for values that JSON can't express: bigints, objects that contain themselves,
   * and promises, which JSON writes as `{}`.
   */
  setCall(key: unknown, value: unknown): RouteCall {
    if (value instanceof Promise) {
      throw new TypeError(
        'The value is a promise. Use a callback, or await, to set what it brings.',
      )
    }
    const url = new URL('set_key_value', this.#url)
    // A value without any JSON, such as a function, is left out, and the server says so.
    const text = JSON.stringify(value === undefined ? null : value)
    const headers = { 'Content-Type': 'application/json' }
    return { method: 'POST', url, headers, body: JSON.stringify({ key, value: text }) }
  }

  /** The answer is the new value. */
  updateCall(key: unknown, update: object): RouteCall {
    const url = new URL('update_key_value', this.#url)
    const body = JSON.stringify({ key, update: JSON.stringify(update) })
    return { method: 'POST', url, headers: { 'Content-Type': 'application/json' }, body }
  }

  /** The answer is an object of values by key. */
  listCall(prefix: unknown): RouteCall {
    const url = new URL('list_key_values', this.#url)
    url.searchParams.set('prefix', whole(String(prefix)))
    return { method: 'GET', url, headers: {} }
  }

  /** The stream of changes: of some keys, or of all keys with a prefix. */
  changesUrl(watched: { keys: readonly string[] } | { prefix: string }): URL {
    const url = new URL('changes', this.#url)
    if ('prefix' in watched) url.searchParams.set('prefix', watched.prefix)
    else for (const key of watched.keys) url.searchParams.append('key', key)
    return this.#signedUrl(url, this.#user.signedId)
  }

  /** The answer is the user's id. */
  userCall(): RouteCall {
    return { method: 'GET', url: new URL('user_id', this.#url), headers: {} }
  }

  /** Rejects with AppLabError. */
  async send(call: RouteCall): Promise<unknown> {
    return (await this.sendForReply(call)).value
  }

  /** As `send`, with the version of the value, for a condition of the next write. */
  async sendForReply(call: RouteCall): Promise<{ value: unknown; tag: string | null }> {
    const sent = this.#user.signedId
    const reply = await exchange(this.#signed(call, sent))
    return { value: this.#heard(reply, sent), tag: reply.header('ETag') }
  }

  /** Throws AppLabError, and TypeError outside of web pages. */
  sendSync(call: RouteCall): unknown {
    const sent = this.#user.signedId
    return this.#heard(exchangeSync(this.#signed(call, sent)), sent)
  }

  #signed(call: RouteCall, signedId: string | undefined): RouteCall {
    if (call.method === 'GET') return { ...call, url: this.#signedUrl(call.url, signedId) }
    const headers: Record<string, string> = { ...call.headers }
    if (this.#pageKey) headers['X-Page-Key'] = this.#pageKey
    if (signedId !== undefined) headers['X-Page-User'] = signedId
    return { ...call, headers }
  }

  /** Without headers of ours, a page of another origin needs no preflight for each new URL. */
  #signedUrl(url: URL, signedId: string | undefined): URL {
    const signed = new URL(url)
    if (this.#pageKey) signed.searchParams.set('pageKey', this.#pageKey)
    if (signedId !== undefined) signed.searchParams.set('pageUser', signedId)
    return signed
  }

  #heard(reply: Reply, sent: string | undefined): unknown {
    const given = reply.header('X-Page-User')
    if (given !== null) this.#user.learn(given, sent)
    return replyValue(reply)
  }
}

/** Throws AppLabError `KEY_INVALID` for half a character. */
function whole(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw keyInvalid()
  return text
}

/** In the server's words, for keys that it refuses to set. */
function keyInvalid(): AppLabError {
  return new AppLabError({ msg: 'The key is not valid Unicode text', type: 'KEY_INVALID' })
}
