import type { Kept } from '../page/kept.ts'
import { keptName } from '../program/program.ts'
import type { ProjectAddress } from '../projects/projects.ts'
import type { Server } from '../projects/server.ts'
import { type Ask, writeIfSeen } from './careful-write.ts'
import type { ChangesAddress, Pairs, PairValues, SeenPair } from './pairs.ts'

/** The most keys to remember: each one takes a request of its own. */
const knownKeysMax = 100
const pauseMsMin = 1_000
/**
 * Ten requests per second: half of what the server allows to one page. The other half is for the
 * program, which is the same user.
 */
const pauseMsPerKey = 100

interface KnownValue {
  readonly json: string | undefined
  readonly tag: string | undefined
}

/**
 * The pairs of a project that was opened by a share link. Pages may get and set pairs, but not list
 * them. So these are only the pairs whose keys are known here.
 */
export class PagePairs implements Pairs {
  readonly areAll = false
  readonly #server: Server
  readonly #address: ProjectAddress
  readonly #kept: Kept
  /** By key; the key that was used last is at the end. */
  readonly #known = new Map<string, KnownValue>()

  constructor(server: Server, address: ProjectAddress, kept: Kept) {
    this.#server = server
    this.#address = address
    this.#kept = kept
    const keys = Object.values(kept.getTexts(this.#keysName))
    for (const key of keys.slice(-knownKeysMax)) this.#known.set(key, unread)
  }

  get pauseMs(): number {
    return Math.max(pauseMsMin, this.#known.size * pauseMsPerKey)
  }

  get changes(): ChangesAddress | undefined {
    const keys = [...this.#known.keys()].sort()
    if (keys.length === 0) return undefined
    const { pageKey } = this.#address
    const key = pageKey === undefined ? [] : [['pageKey', pageKey] as const]
    const watched = keys.map((one) => ['key', one] as const)
    return this.#server.streamOf(`${this.#path}changes`, [...watched, ...key])
  }

  /** Adds a key to those that are shown. Returns whether it was new. */
  know(key: string): boolean {
    const known = this.#known.get(key)
    this.#known.delete(key)
    this.#known.set(key, known ?? unread)
    const [oldest] = this.#known.keys()
    if (this.#known.size > knownKeysMax && oldest !== undefined) this.#known.delete(oldest)
    if (!known) this.#keepKeys()
    return known === undefined
  }

  /** With the keys that other tabs have kept meanwhile. */
  #keepKeys(): void {
    const kept = Object.values(this.#kept.getTexts(this.#keysName))
    const all = [...kept.filter((key) => !this.#known.has(key)), ...this.#known.keys()]
    this.#kept.set(this.#keysName, { ...all.slice(-knownKeysMax) })
  }

  /** Rejects if pages with this address are refused. */
  async assertLetIn(): Promise<void> {
    await this.#ask('user_id', {})
  }

  async read(changed: ReadonlySet<string> | undefined): Promise<PairValues> {
    const keys = [...(changed ?? this.#known.keys())].filter((key) => this.#known.has(key))
    await Promise.all(keys.map((key) => this.#read(key)))
    const values = [...this.#known].flatMap(([key, { json }]): [string, string][] =>
      json === undefined ? [] : [[key, json]],
    )
    return new Map(values.sort(([one], [other]) => (one < other ? -1 : 1)))
  }

  async set(pair: SeenPair, json: string): Promise<void> {
    const sent = { key: pair.key, value: json }
    await writeIfSeen(this.#ask, pair, (headers) =>
      this.#ask('set_key_value', { method: 'POST', json: sent, headers }),
    )
    this.know(pair.key)
  }

  /** A page deletes a pair by setting null. */
  async delete(pair: SeenPair): Promise<void> {
    await this.set(pair, 'null')
  }

  async #read(key: string): Promise<void> {
    const { tag } = this.#known.get(key) ?? unread
    const headers = tag === undefined ? {} : { 'If-None-Match': tag }
    const {
      status,
      text,
      headers: answered,
    } = await this.#ask('get_key_value', {
      query: { key },
      headers,
    })
    if (status === 304 || !this.#known.has(key)) return
    const json = text === 'null' ? undefined : text
    this.#known.set(key, { json, tag: answered.get('ETag') ?? undefined })
  }

  /** Asks as the same user as programs here, so that a user's own keys are the same for both. */
  readonly #ask: Ask = async (action, { headers, ...asked }) => {
    const { pageKey } = this.#address
    const user = this.#user()
    const answer = await this.#server.ask(this.#path + action, {
      ...asked,
      headers: {
        ...headers,
        ...(pageKey !== undefined && { 'X-Page-Key': pageKey }),
        ...(user !== undefined && { 'X-Page-User': user }),
      },
    })
    const given = answer.headers.get('X-Page-User')
    if (given !== null && user === undefined) this.#learnUser(given)
    return answer
  }

  #user(): string | undefined {
    const kept = this.#kept.getTexts(keptName(this.#address.channelId))[this.#userName] ?? ''
    // Programs may have stored anything here.
    return /^[\w-]+\.[\w-]+$/.test(kept) ? kept : undefined
  }

  #learnUser(given: string): void {
    // A program may have got one meanwhile.
    if (this.#user() !== undefined) return
    const name = keptName(this.#address.channelId)
    this.#kept.set(name, { ...this.#kept.getTexts(name), [this.#userName]: given })
  }

  /** The name under which the page script keeps the user. */
  get #userName(): string {
    return `coatcheck-user ${new URL(this.#path, this.#server.url).href}`
  }

  get #path(): string {
    return `datablock_storage/${encodeURIComponent(this.#address.channelId)}/`
  }

  get #keysName(): string {
    return `keys ${this.#address.channelId}`
  }
}

const unread: KnownValue = { json: undefined, tag: undefined }
