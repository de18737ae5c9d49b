import { kindRange, tokenKey, userKey, usernameKey } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { AtomicWrite, Entry, StorageEngine } from '../engine/engine.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { createId, isId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import type { Actor } from '../log/actor.ts'
import { auditPut, trailsOf } from '../log/audit.ts'
import type { UserAccess } from './scope.ts'
import { digestOf } from './token-text.ts'

export interface User {
  readonly id: string
  readonly username: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** May manage users and their tokens, but not their stores. */
  readonly isAdmin: boolean
  /** None of this user's tokens is valid. The user's stores stay. */
  readonly isDisabled: boolean
  readonly generalAccess: UserAccess
  /** True while the signing secrets that a disabled user saw are being replaced. */
  readonly isLeaving?: boolean
}

/** The changes to a user. Settings that are left out stay as they are. */
export type UserChanges = Partial<
  Pick<User, 'isAdmin' | 'isDisabled' | 'generalAccess' | 'isLeaving'>
>

const firstUsername = 'owner'
const usernamePattern = /^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$/

/** The users, who may own stores. */
export class Users {
  readonly #engine: StorageEngine
  readonly #environment: Environment

  constructor(engine: StorageEngine, environment: Environment) {
    this.#engine = engine
    this.#environment = environment
  }

  async hasAny(): Promise<boolean> {
    const page = await this.#engine.scan(kindRange('user'), { limit: 1, bytes: 1 })
    return page.entries.length > 0
  }

  /**
   * Creates the first user, with `token` as a token. Of several servers that start at once, one
   * creates the user. Returns false if another server did: then `token` is not valid.
   */
  async createFirst(token: string): Promise<boolean> {
    const user = this.#newUser(firstUsername, { isAdmin: true })
    const grant = { userId: user.id, createdAt: user.createdAt, name: 'first token' }
    const write = creation(user)
    const key = tokenKey(digestOf(token))
    const value = Buffer.from(JSON.stringify(grant))
    const puts = [...(write.puts ?? []), { key, value }]
    return (await this.#engine.commit({ ...write, puts })).applied
  }

  /** Throws `username-invalid`, `username-taken`, `too-many`. */
  async create(username: string, { isAdmin }: { isAdmin: boolean }, actor?: Actor): Promise<User> {
    assertUsername(username)
    await this.#assertRoom()
    const user = this.#newUser(username, { isAdmin })
    const write = creation(user)
    const at = user.createdAt
    const details = { isAdmin }
    const event = { action: 'user-created', subject: username, at, actor, details } as const
    const audits = trailsOf(user.id, actor).map((userId) => auditPut(userId, event))
    const commit = await this.#engine.commit({ ...write, puts: [...(write.puts ?? []), ...audits] })
    if (commit.applied) return user
    throw new StorageError('username-taken', `There is a user named ${username} already.`)
  }

  async get(userId: string): Promise<User | undefined> {
    const [entry] = await this.#engine.get([userKey(userId)])
    return entry && decodeUser(entry)
  }

  async getByUsername(username: string): Promise<User | undefined> {
    if (username.length > limits.usernameLengthMax) return undefined
    const [entry] = await this.#engine.get([usernameKey(username)])
    return entry && this.get(Buffer.from(entry.value).toString('latin1'))
  }

  /** By id or username. Throws `user-not-found`. */
  async find(idOrUsername: string): Promise<User> {
    const byId = isId(idOrUsername) ? await this.get(idOrUsername) : undefined
    const found = byId ?? (await this.getByUsername(idOrUsername))
    if (found) return found
    throw userNotFound(idOrUsername)
  }

  /** All users, the oldest first. Damaged ones are left out. */
  async list(): Promise<readonly User[]> {
    const users: User[] = []
    for await (const entry of walk(this.#engine, kindRange('user'))) {
      if (!entry.isDamaged) users.push(decodeUser(entry))
    }
    return users.sort((one, other) => one.createdAt - other.createdAt)
  }

  /** The oldest admin who is not disabled; undefined: there is none yet. */
  async getFirstAdmin(): Promise<User | undefined> {
    return (await this.list()).find(({ isAdmin, isDisabled }) => isAdmin && !isDisabled)
  }

  /** Throws `user-not-found`, `last-admin`. */
  async update(userId: string, changes: UserChanges, actor?: Actor): Promise<User> {
    const attempt = async (): Promise<User | typeof lostRace> => {
      const [entry] = await this.#engine.get([userKey(userId)])
      if (!entry) throw userNotFound(userId)
      const user = { ...decodeUser(entry), ...changes }
      const others = await this.#otherAdmins(user)
      const { isLeaving: _, ...details } = changes
      const event = {
        action: 'user-changed',
        subject: user.username,
        at: this.#environment.now(),
        actor,
        before: entry.revision,
        details,
      } as const
      const audits = trailsOf(user.id, actor).map((id) => auditPut(id, event))
      const commit = await this.#engine.commit({
        checks: [entry, ...others],
        puts: [{ key: entry.key, value: encodeUser(user) }, ...audits],
        isUrgent: changes.isDisabled === true,
      })
      return commit.applied ? user : lostRace
    }
    const message = 'Too many changes to this user at the same time. Try again.'
    const giveUp = (): never => {
      throw new StorageError('store-busy', message)
    }
    return retry(limits.commitAttemptsMax, attempt, giveUp)
  }

  /** The disabled users who saw signing secrets that are not all replaced yet. */
  async listLeaving(): Promise<readonly User[]> {
    return (await this.list()).filter(({ isLeaving }) => isLeaving === true)
  }

  /** To be called when all secrets that a disabled user saw are replaced. */
  async noteLeft(userId: string): Promise<void> {
    const [entry] = await this.#engine.get([userKey(userId)])
    if (!entry) return
    const { isLeaving: _, ...user } = decodeUser(entry)
    // If the user was changed meanwhile, the next sweep does it again.
    await this.#engine.commit({
      checks: [entry],
      puts: [{ key: entry.key, value: encodeUser(user) }],
      isUrgent: true,
    })
  }

  /**
   * The checks of a change after which the user is not an enabled admin: another one must exist.
   */
  async #otherAdmins(user: User): Promise<readonly Entry[]> {
    if (user.isAdmin && !user.isDisabled) return []
    for await (const entry of walk(this.#engine, kindRange('user'))) {
      if (entry.isDamaged) continue
      const other = decodeUser(entry)
      if (other.id !== user.id && other.isAdmin && !other.isDisabled) return [entry]
    }
    throw new StorageError(
      'last-admin',
      'This server needs at least one admin who is not disabled.',
    )
  }

  async #assertRoom(): Promise<void> {
    let count = 0
    for await (const _ of walk(this.#engine, kindRange('user'))) count += 1
    if (count < limits.usersMax) return
    throw new StorageError('too-many', `A server has at most ${limits.usersMax} users.`)
  }

  #newUser(username: string, { isAdmin }: { isAdmin: boolean }): User {
    return {
      id: createId(this.#environment),
      username,
      createdAt: this.#environment.now(),
      isAdmin,
      isDisabled: false,
      generalAccess: 'RESTRICTED',
    }
  }
}

/**
 * On disk: JSON. The very first users are admins, although their entries do not say so. Throws
 * `record-damaged`.
 */
export function decodeUser(entry: Entry): User {
  if (entry.isDamaged)
    throw new StorageError('record-damaged', 'The stored entry of this user is damaged.')
  const fields = JSON.parse(Buffer.from(entry.value).toString('utf8'))
  return { isAdmin: true, isDisabled: false, generalAccess: 'RESTRICTED', ...fields }
}

function encodeUser(user: User): Buffer {
  return Buffer.from(JSON.stringify(user))
}

function creation(user: User): AtomicWrite {
  const username = usernameKey(user.username)
  return {
    checks: [{ key: username, revision: undefined }],
    puts: [
      { key: username, value: Buffer.from(user.id) },
      { key: userKey(user.id), value: encodeUser(user) },
    ],
  }
}

/**
 * A name with the form of an id could be mistaken for another user's id, and `me` means the caller.
 * Throws `username-invalid`.
 */
function assertUsername(username: string): void {
  const isShort = username.length <= limits.usernameLengthMax
  if (isShort && usernamePattern.test(username) && !isId(username) && username !== 'me') return
  const rule = `at most ${limits.usernameLengthMax} letters, digits, dots, hyphens and underscores`
  const edges = 'a letter or digit at both ends'
  throw new StorageError('username-invalid', `A username has ${rule}, with ${edges}.`)
}

function userNotFound(idOrUsername: string): StorageError {
  const name = idOrUsername.slice(0, limits.usernameLengthMax)
  return new StorageError('user-not-found', `There is no user ${name}.`)
}
