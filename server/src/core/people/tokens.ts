import type { SteadyClock } from '../clock/steady-clock.ts'
import {
  decodeNumber,
  encodeNumber,
  kindRange,
  tokenDigestOf,
  tokenKey,
  tokenRange,
  tokenUseKey,
  userKey,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Check, Entry, Put, StorageEngine } from '../engine/engine.ts'
import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { isId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import type { Actor } from '../log/actor.ts'
import { auditPut, trailsOf } from '../log/audit.ts'
import { fullScope, type Scope } from './scope.ts'
import { createToken, digestOf } from './token-text.ts'
import { decodeUser, type User } from './users.ts'

/** An API token without its text, which is shown once and never stored. */
export interface Token {
  /** 16 hexadecimal digits, the first of its hash. */
  readonly id: string
  readonly userId: string
  readonly name: string
  /** Milliseconds since 1970, like all times here. */
  readonly createdAt: number
  /** Undefined: it does not expire. */
  readonly expiresAt: number | undefined
  readonly scope: Scope
  /** The id of the token that made it; undefined: none did. */
  readonly madeBy?: string | undefined
}

/** A token that has ended stays until the signing secrets that it saw are replaced. */
interface StoredToken extends Token {
  readonly endedAt?: number | undefined
}

export interface ListedToken extends Token {
  /** To the minute; undefined: the token was not used yet. */
  readonly lastUsedAt: number | undefined
}

export interface NewToken {
  readonly userId: string
  readonly name: string
  readonly expiresAt: number | undefined
  readonly scope: Scope
  readonly madeBy?: string | undefined
}

const idBytes = 8

/** API tokens: stored and found by their hashes. */
export class Tokens {
  readonly #engine: StorageEngine
  readonly #environment: Environment
  readonly #clock: SteadyClock

  constructor(engine: StorageEngine, parts: { environment: Environment; clock: SteadyClock }) {
    this.#engine = engine
    this.#environment = parts.environment
    this.#clock = parts.clock
  }

  /**
   * Creates a token and returns it with its text, which can't be read again later.
   * Throws `token-settings-invalid`, `too-many`, and `token-invalid` if its maker has ended.
   */
  async create(wanted: NewToken, actor?: Actor): Promise<{ text: string; token: Token }> {
    const now = this.#clock.now()
    assertSettings(wanted, now)
    await this.#assertRoom(wanted.userId)
    const text = createToken(this.#environment)
    const digest = digestOf(text)
    const token: Token = { ...wanted, id: idOf(digest), createdAt: now }
    const key = tokenKey(digest)
    const attempt = async (): Promise<true | typeof lostRace> => {
      const { applied } = await this.#engine.commit({
        checks: [{ key, revision: undefined }, ...(await this.#checksOfMaker(wanted))],
        puts: [{ key, value: encodeToken(token) }, ...this.#audits('token-created', token, actor)],
      })
      return applied || lostRace
    }
    await retry(limits.commitAttemptsMax, attempt, () => {
      throw new StorageError('store-busy', 'The user of this token is being changed. Try again.')
    })
    return { text, token }
  }

  /** What ends a token ends the tokens that it made: so it must not make one afterwards. */
  async #checksOfMaker({ madeBy }: NewToken): Promise<readonly Check[]> {
    const checks = madeBy === undefined ? [] : await this.checksOf(madeBy)
    if (checks) return checks
    throw tokenInvalid()
  }

  /**
   * The token with that text and its user; undefined: there is none, it has expired, or its user is
   * disabled.
   */
  async findByText(text: string): Promise<{ token: Token; user: User } | undefined> {
    return this.#valid(tokenKey(digestOf(text)))
  }

  /** The token and its user as they are now; undefined as for `findByText`. */
  async findValid(id: string): Promise<{ token: Token; user: User } | undefined> {
    const entry = await this.#entryOf(id)
    return entry && this.#valid(entry.key)
  }

  /**
   * The entries that make the token valid, for a commit that must fail if it is not any more.
   * Undefined as for `findByText`.
   */
  async checksOf(id: string): Promise<readonly Check[] | undefined> {
    const entry = await this.#entryOf(id)
    const valid = entry && (await this.#valid(entry.key))
    if (!entry || !valid) return undefined
    const [owner] = await this.#engine.get([userKey(valid.user.id)])
    return owner && [entry, owner]
  }

  /** Throws `token-not-found`. */
  async get(id: string): Promise<ListedToken> {
    const entry = await this.#livingEntryOf(id)
    return this.#listed(entry)
  }

  /** A user's tokens, the oldest first, including expired ones. Damaged ones are left out. */
  async list(userId: string): Promise<readonly ListedToken[]> {
    const found: ListedToken[] = []
    for await (const entry of walk(this.#engine, kindRange('token'))) {
      if (entry.isDamaged) continue
      const token = decodeToken(entry)
      if (token.userId === userId && !hasEnded(token)) found.push(await this.#listed(entry))
    }
    return found.sort((one, other) => one.createdAt - other.createdAt)
  }

  /**
   * The tokens that these tokens made, those that these made, and so on; of any user. Without those
   * that have ended.
   */
  async listMadeBy(ids: readonly string[]): Promise<readonly Token[]> {
    const all: StoredToken[] = []
    for await (const entry of walk(this.#engine, kindRange('token'))) {
      if (!entry.isDamaged) all.push(decodeToken(entry))
    }
    const madeBy = Map.groupBy(all, (token) => token.madeBy)
    const found = new Map<string, StoredToken>()
    const makers = [...ids]
    // The list grows while it is read. Tokens can't be sorted by age: clocks are set back.
    for (const maker of makers) {
      for (const token of madeBy.get(maker) ?? []) {
        if (!found.has(token.id)) makers.push(token.id)
        found.set(token.id, token)
      }
    }
    return [...found.values()].filter((token) => !hasEnded(token))
  }

  /** The tokens that have ended, but are not removed yet. */
  async listEnded(): Promise<readonly Token[]> {
    const found: Token[] = []
    for await (const entry of walk(this.#engine, kindRange('token'))) {
      if (!entry.isDamaged && hasEnded(decodeToken(entry))) found.push(decodeToken(entry))
    }
    return found
  }

  /** Nobody can use the token any more, but it stays until `remove`. Throws `token-not-found`. */
  async end(id: string, actor?: Actor): Promise<Token> {
    const entry = await this.#livingEntryOf(id)
    const token = { ...decodeToken(entry), endedAt: this.#environment.now() }
    const { applied } = await this.#engine.commit({
      checks: [entry],
      puts: [
        { key: entry.key, value: encodeToken(token) },
        ...this.#audits('token-revoked', token, actor),
      ],
      isUrgent: true,
    })
    if (!applied) throw tokenNotFound(id)
    return token
  }

  /** Removes a token that has ended. */
  async remove(id: string): Promise<void> {
    const entry = await this.#entryOf(id)
    if (!entry || !hasEnded(decodeToken(entry))) return
    const deletes = [entry.key, tokenUseKey(tokenDigestOf(entry.key))]
    await this.#engine.commit({ checks: [entry], deletes })
  }

  /** `end` and `remove` in one step. Throws `token-not-found`. */
  async revoke(id: string, actor?: Actor): Promise<void> {
    const entry = await this.#livingEntryOf(id)
    const token = decodeToken(entry)
    const { applied } = await this.#engine.commit({
      checks: [entry],
      deletes: [entry.key, tokenUseKey(tokenDigestOf(entry.key))],
      puts: this.#audits('token-revoked', token, actor),
    })
    if (!applied) throw tokenNotFound(id)
  }

  /** Stores that the token was used now. Stores nothing if the token is revoked meanwhile. */
  async noteUse(id: string): Promise<void> {
    const entry = await this.#entryOf(id)
    if (!entry) return
    const key = tokenUseKey(tokenDigestOf(entry.key))
    const value = encodeNumber(this.#environment.now())
    await this.#engine.commit({ checks: [entry], puts: [{ key, value }] })
  }

  async #valid(key: Bytes): Promise<{ token: Token; user: User } | undefined> {
    const [entry] = await this.#engine.get([key])
    if (!entry) return undefined
    const token = decodeToken(entry)
    if (hasEnded(token)) return undefined
    if (token.expiresAt !== undefined && token.expiresAt <= this.#clock.latest()) return undefined
    const [owner] = await this.#engine.get([userKey(token.userId)])
    const user = owner && decodeUser(owner)
    return user && !user.isDisabled ? { token, user } : undefined
  }

  async #entryOf(id: string): Promise<Entry | undefined> {
    if (!/^[0-9a-f]{16}$/.test(id)) return undefined
    const range = tokenRange(Buffer.from(id, 'hex'))
    const { entries } = await this.#engine.scan(range, { limit: 1, bytes: limits.pageBytesMax })
    return entries[0]
  }

  /** Throws `token-not-found`. */
  async #livingEntryOf(id: string): Promise<Entry> {
    const entry = await this.#entryOf(id)
    if (!entry || hasEnded(decodeToken(entry))) throw tokenNotFound(id)
    return entry
  }

  async #listed(entry: Entry): Promise<ListedToken> {
    const [use] = await this.#engine.get([tokenUseKey(tokenDigestOf(entry.key))])
    const lastUsedAt = use && !use.isDamaged ? decodeNumber(use.value, 0) : undefined
    const { endedAt: _, ...token } = decodeToken(entry)
    return { ...token, lastUsedAt }
  }

  async #assertRoom(userId: string): Promise<void> {
    const now = this.#clock.latest()
    const living = (await this.list(userId)).filter(
      ({ expiresAt }) => expiresAt === undefined || expiresAt > now,
    )
    if (living.length < limits.tokensPerUserMax) return
    const sentence = `A user has at most ${limits.tokensPerUserMax} tokens: revoke one first.`
    throw new StorageError('too-many', sentence)
  }

  #audits(
    action: 'token-created' | 'token-revoked',
    token: Token,
    actor: Actor | undefined,
  ): readonly Put[] {
    const { id, userId, name, scope, expiresAt } = token
    const at = this.#environment.now()
    const details = { tokenId: id, scope, expiresAt }
    const event = { action, subject: name, at, actor, details }
    return trailsOf(userId, actor).map((trail) => auditPut(trail, event))
  }
}

/**
 * On disk: JSON. The very first tokens hold only their user and creation time. Throws
 * `record-damaged`.
 */
function decodeToken(entry: Entry): StoredToken {
  if (entry.isDamaged)
    throw new StorageError('record-damaged', 'The stored entry of this token is damaged.')
  const fields = JSON.parse(asBuffer(entry.value).toString('utf8'))
  return {
    id: idOf(tokenDigestOf(entry.key)),
    userId: fields.userId,
    name: fields.name ?? '',
    createdAt: fields.createdAt,
    expiresAt: fields.expiresAt,
    scope: fields.scope ?? fullScope,
    madeBy: fields.madeBy,
    endedAt: fields.endedAt,
  }
}

function encodeToken({ id: _, ...token }: StoredToken): Buffer {
  return Buffer.from(JSON.stringify(token))
}

function hasEnded({ endedAt }: StoredToken): boolean {
  return endedAt !== undefined
}

function idOf(digest: Bytes): string {
  return asBuffer(digest.subarray(0, idBytes)).toString('hex')
}

function assertSettings({ name, expiresAt, scope }: NewToken, now: number): void {
  if (name.length > limits.tokenNameLengthMax || !name.isWellFormed()) {
    throw invalid(`a name may have at most ${limits.tokenNameLengthMax} characters`)
  }
  if (expiresAt !== undefined && !(expiresAt > now && expiresAt <= now + limits.retentionMsMax)) {
    throw invalid('the expiry must be in the future, within a hundred years')
  }
  if (scope.storeId !== undefined && !isId(scope.storeId)) {
    throw invalid('the store must be given by its id')
  }
  if (scope.keyPrefix === undefined) return
  if (scope.storeId === undefined) throw invalid('a key prefix needs a store')
  if (scope.action === 'manage') throw invalid('a token with a key prefix can only read or write')
  if (scope.keyPrefix === '' || !isPossiblePrefix(scope.keyPrefix)) {
    throw invalid('no key can begin with this key prefix')
  }
}

function isPossiblePrefix(prefix: string): boolean {
  return prefix.isWellFormed() && Buffer.byteLength(prefix) <= limits.recordKeyBytesMax
}

function invalid(why: string): StorageError {
  return new StorageError('token-settings-invalid', `Invalid token settings: ${why}.`)
}

export function tokenInvalid(): StorageError {
  return new StorageError('token-invalid', 'This token is no longer valid.')
}

function tokenNotFound(id: string): StorageError {
  return new StorageError('token-not-found', `There is no token ${id.slice(0, 40)}.`)
}
