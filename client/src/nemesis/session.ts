import { checkedJson, type JsonValue, parseJson, printJson } from '../json/json.ts'
import { type Members, membersOf } from '../json/json-members.ts'
import type { Change } from '../watch/change.ts'
import { assertStatus, refusalOf, statusesOf } from './answers/refusal.ts'
import { status } from './answers/statuses.ts'
import type { Connection, QuietCommand } from './link/connection.ts'
import { listOf } from './list.ts'
import { tokenText } from './token.ts'
import {
  type IdempotencyOption,
  idemText,
  revisionIfSet,
  type Sum,
  sumOf,
  type Versioned,
  versionsOf,
} from './versions.ts'
import { type SessionWatchOptions, watchSession } from './watch.ts'

/** Values by key: an object, a Map, or pairs. */
export type Values = Readonly<Record<string, unknown>> | Iterable<readonly [string, unknown]>

/** One key, or several. */
export type Keys = string | Iterable<string>

/** `raw`: values are passed and returned as JSON text, not parsed. */
export interface RawOption {
  readonly raw?: boolean
}

/** Values are JSON text. */
export interface Raw {
  readonly raw: true
}

export interface FindOptions extends RawOption {
  /** A JSONPath (RFC 9535) that is applied to each value, such as `$.items[?@.price > 4]`. */
  readonly path: string
  /**
   * What to return about values in which the path finds something: their `keys`, the `paths` of the
   * matches in them, or the whole `values`.
   */
  readonly result: 'keys' | 'paths' | 'values'
  /** Searches only these keys; empty: all keys. */
  readonly keys?: Keys
}

export interface SessionInfo {
  readonly token: bigint
  readonly isShared: boolean
  readonly keyCount: number
  /** Undefined: the session never expires. */
  readonly expiry: SessionExpiry | undefined
}

export interface SessionExpiry {
  /** Counted from the last command. */
  readonly seconds: number
  readonly remainingSeconds: number
  /** Whether the session itself is deleted then; if not, its values are. */
  readonly deleteSession: boolean
}

const yes = [status.Ok]

/**
 * A session: keys and values behind a token. It is not bound to a connection. Methods reject with
 * NemesisError if the server refuses (100 `SessionNotExist` once the session is over), with
 * NemesisConnectionError if there is no connection, and with TypeError, RangeError or SyntaxError
 * for values that can't be sent.
 */
export class NemesisSession {
  readonly token: bigint
  readonly #connection: Connection
  readonly #tkn: string

  constructor(connection: Connection, token: bigint | string) {
    this.#connection = connection
    this.#tkn = tokenText(token)
    this.token = BigInt(this.#tkn)
  }

  /** Stores values, also over existing ones; tells for each key whether it was there. */
  async set(values: Values, options?: RawOption): Promise<Map<string, 'set' | 'updated'>> {
    const answer = await this.#ask('KV_SET', `"keys":${valuesText(values, options)}`)
    return this.#outcomes('KV_SET', answer, {
      [status.KeySet]: 'set',
      [status.KeyUpdated]: 'updated',
    })
  }

  /** Stores values only for keys that do not exist; tells for each key whether it was there. */
  async add(values: Values, options?: RawOption): Promise<Map<string, 'set' | 'exists'>> {
    const answer = await this.#ask('KV_ADD', `"keys":${valuesText(values, options)}`)
    return this.#outcomes('KV_ADD', answer, {
      [status.KeySet]: 'set',
      [status.KeyExists]: 'exists',
    })
  }

  /**
   * As `set`, without an answer: a failure goes to the client's `onQuietError`. Throws for values
   * that can't be sent, and NemesisConnectionError.
   */
  setQuietly(values: Values, options?: RawOption): void {
    this.#say('KV_SETQ', values, options)
  }

  /**
   * As `add`, without an answer: a failure, and keys that exist (`KeyExists`), go to the client's
   * `onQuietError`. Throws as `setQuietly`.
   */
  addQuietly(values: Values, options?: RawOption): void {
    this.#say('KV_ADDQ', values, options)
  }

  /**
   * Values in the order of the keys. Undefined for a missing key, for `null` (NemesisDB's protocol
   * does not tell these two apart; `contains` does), and for a value that is not JSON.
   */
  get(keys: Keys, options: Raw): Promise<Map<string, string | undefined>>
  get(keys: Keys, options?: RawOption): Promise<Map<string, JsonValue | undefined>>
  async get(
    keys: Keys,
    { raw = false }: RawOption = {},
  ): Promise<Map<string, JsonValue | undefined>> {
    const wanted = listOf(keys)
    const answer = await this.#askKeys('KV_GET', wanted)
    assertStatus('KV_GET', answer, [])
    const found = membersOf(answer.get('keys') ?? '{}')
    return new Map(wanted.map((key) => [key, storedValue(found.get(key), raw)]))
  }

  /** As `get`. */
  getOne(key: string, options: Raw): Promise<string | undefined>
  getOne(key: string, options?: RawOption): Promise<JsonValue | undefined>
  async getOne(key: string, options?: RawOption): Promise<JsonValue | undefined> {
    return (await this.get([key], options)).get(key)
  }

  /** Removes keys; tells for each whether it was there. */
  async remove(keys: Keys): Promise<Map<string, boolean>> {
    const wanted = listOf(keys)
    const answer = await this.#askKeys('KV_RMV', wanted)
    // A key may be `st`: its status stands where a refusal has its own.
    const codes: readonly number[] = [status.KeyRemoved, status.KeyNotExist]
    assertStatus('KV_RMV', answer, wanted.includes('st') ? codes : [])
    return new Map(wanted.map((key) => [key, Number(answer.get(key)) === status.KeyRemoved]))
  }

  async contains(keys: Keys): Promise<Map<string, boolean>> {
    const wanted = listOf(keys)
    const answer = await this.#askKeys('KV_CONTAINS', wanted)
    assertStatus('KV_CONTAINS', answer, yes)
    const found = membersOf(answer.get('keys') ?? '{}')
    return new Map(wanted.map((key) => [key, found.get(key) === 'true']))
  }

  /** Removes all keys; returns how many there were. */
  async clear(): Promise<number> {
    return countOf('KV_CLEAR', await this.#ask('KV_CLEAR'))
  }

  async count(): Promise<number> {
    return countOf('KV_COUNT', await this.#ask('KV_COUNT'))
  }

  async keys(): Promise<string[]> {
    const answer = await this.#ask('KV_KEYS')
    assertStatus('KV_KEYS', answer, yes)
    return JSON.parse(answer.get('keys') ?? '[]')
  }

  /** Replaces all values by these; returns how many there were. */
  async clearAndSet(values: Values, options?: RawOption): Promise<number> {
    const answer = await this.#ask('KV_CLEAR_SET', `"keys":${valuesText(values, options)}`)
    return countOf('KV_CLEAR_SET', answer)
  }

  /** Rejects with 4 `PathInvalid` if the path can't be understood. */
  find(options: FindOptions & { readonly result: 'keys' | 'paths' }): Promise<string[]>
  find(options: FindOptions & Raw & { readonly result: 'values' }): Promise<Map<string, string>>
  find(options: FindOptions & { readonly result: 'values' }): Promise<Map<string, JsonValue>>
  async find({
    path,
    result,
    keys = [],
    raw = false,
  }: FindOptions): Promise<string[] | Map<string, JsonValue>> {
    const rsp = result === 'values' ? 'kv' : result
    const parameters = `"path":${printJson(path)},"rsp":"${rsp}","keys":${printJson(listOf(keys))}`
    const answer = await this.#ask('KV_FIND', parameters)
    assertStatus('KV_FIND', answer, yes)
    if (result !== 'values') return JSON.parse(answer.get(result) ?? '[]')
    const found = membersOf(answer.get('keys') ?? '{}')
    return new Map([...found].map(([key, json]) => [key, raw ? json : parseJson(json)]))
  }

  /**
   * Replaces every place in one key's value that a JSONPath finds; returns how many there are.
   * Undefined if there is no such key. Rejects with 1000 `Unknown` if the path can't be understood.
   */
  async update(
    key: string,
    path: string,
    value: unknown,
    options?: RawOption,
  ): Promise<number | undefined> {
    const parts = { key: printJson(key), path: printJson(path), value: valueText(value, options) }
    const answer = await this.#ask('KV_UPDATE', membersText(Object.entries(parts)))
    assertStatus('KV_UPDATE', answer, [status.Ok, status.KeyNotExist])
    if (Number(answer.get('st')) === status.KeyNotExist) return undefined
    return Number(answer.get('cnt'))
  }

  /**
   * Adds to a number on the server, in one step; a missing key counts as 0. Returns the sum and its
   * revision. Rejects with 41 `ValueTypeInvalid` if the value is no number. Coatcheck only.
   */
  async increment(key: string, by: number | bigint = 1, options?: IdempotencyOption): Promise<Sum> {
    const parameters = `"key":${printJson(key)},"by":${printJson(by)}${idemText(options)}`
    return sumOf(await this.#ask('KV_INC', parameters))
  }

  /**
   * Stores a value only if the key still has this revision (0: only if it does not exist). Returns
   * the new revision, or undefined if the condition is not met. Coatcheck only.
   */
  async setIf(
    key: string,
    value: unknown,
    { revision, ...options }: RawOption & IdempotencyOption & { readonly revision: number },
  ): Promise<number | undefined> {
    const values = `"keys":{${printJson(key)}:${valueText(value, options)}}`
    const condition = `"if":${printJson(revision)}${idemText(options)}`
    const answer = await this.#ask('KV_SET', `${values},${condition}`)
    return revisionIfSet(key, answer)
  }

  /** Values with their revisions, which `setIf` takes. Only keys that exist. Coatcheck only. */
  async getWithRevisions(keys: Keys): Promise<Map<string, Versioned>> {
    const parameters = `"keys":${printJson(listOf(keys))},"rev":true`
    const answer = await this.#ask('KV_GET', parameters)
    assertStatus('KV_GET', answer, [])
    return versionsOf(answer)
  }

  /** Changes of this session as they happen. Coatcheck only. */
  watch(options?: SessionWatchOptions): AsyncGenerator<Change, void, undefined> {
    return watchSession(this.#connection, this.#tkn, options)
  }

  /** Ends the session and deletes its values. */
  async end(): Promise<void> {
    assertStatus('SH_END', await this.#ask('SH_END'), yes)
  }

  async info(): Promise<SessionInfo> {
    const answer = await this.#ask('SH_INFO')
    assertStatus('SH_INFO', answer, yes)
    return {
      token: this.token,
      isShared: answer.get('shared') === 'true',
      keyCount: Number(answer.get('keyCnt')),
      expiry: expiryOf(answer.get('expiry')),
    }
  }

  #ask(command: string, parameters = ''): Promise<Members> {
    return this.#connection.ask(command, this.#body(parameters))
  }

  #askKeys(command: string, keys: readonly string[]): Promise<Members> {
    return this.#ask(command, `"keys":${printJson(keys)}`)
  }

  #say(command: QuietCommand, values: Values, options?: RawOption): void {
    this.#connection.say(command, this.#body(`"keys":${valuesText(values, options)}`))
  }

  #body(parameters: string): string {
    return `{"tkn":${this.#tkn}${parameters === '' ? '' : ','}${parameters}}`
  }

  #outcomes<Outcome extends string>(
    command: string,
    answer: Members,
    named: Readonly<Record<number, Outcome>>,
  ): Map<string, Outcome> {
    assertStatus(command, answer, [])
    const outcomes = new Map<string, Outcome>()
    for (const [key, code] of statusesOf(answer.get('keys') ?? '')) {
      const outcome = named[code]
      if (outcome === undefined) throw refusalOf(command, answer)
      outcomes.set(key, outcome)
    }
    return outcomes
  }
}

function valuesText(values: Values, options?: RawOption): string {
  const isList = Symbol.iterator in values
  // If a key comes twice, the last value counts; NemesisDB would take the first.
  const all = new Map<string, unknown>(
    isList ? (values as Iterable<readonly [string, unknown]>) : Object.entries(values),
  )
  const members = [...all].map(([key, value]) => [key, valueText(value, options)] as const)
  return `{${membersText(members)}}`
}

function membersText(members: readonly (readonly [string, string])[]): string {
  return members.map(([name, json]) => `${printJson(name)}:${json}`).join(',')
}

function valueText(value: unknown, { raw = false }: RawOption = {}): string {
  return raw ? checkedJson(value) : printJson(value)
}

function storedValue(json: string | undefined, raw: boolean): JsonValue | undefined {
  if (json === undefined || json === 'null') return undefined
  return raw ? json : parseJson(json)
}

function countOf(command: string, answer: Members): number {
  assertStatus(command, answer, yes)
  return Number(answer.get('cnt'))
}

function expiryOf(json: string | undefined): SessionExpiry | undefined {
  if (json === undefined) return undefined
  const { duration, remaining, deleteSession } = JSON.parse(json)
  return { seconds: duration, remainingSeconds: remaining, deleteSession }
}
