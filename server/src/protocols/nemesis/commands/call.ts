import type { UserPrincipal } from '../../../core/access/principal.ts'
import type { Domain } from '../../../core/domain.ts'
import type { Caller } from '../../../core/identity/caller.ts'
import { type Awaitable, andThen, orElse } from '../../../core/kernel/awaitable.ts'
import type { Environment } from '../../../core/kernel/environment.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import type { KeyQueue } from '../../../core/kernel/key-queue.ts'
import type { Action } from '../../../core/people/scope.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { Dumps } from '../dumps/dumps.ts'
import { type Parameters, tokenOf } from './parameters.ts'
import { status } from './status.ts'
import { CommandError } from './wire.ts'

/** Which family of NemesisDB's versions a server speaks. */
export type Compat = '0.4' | '0.9'

/** What all commands of a door share. */
export interface Services {
  readonly domain: Domain
  readonly environment: Environment
  readonly compat: Compat
  /** Undefined: saving is off. */
  readonly dumps: Dumps | undefined
  /** KV_UPDATE of one value after the other: else many of them make each other fail. */
  readonly updates: KeyQueue
}

/** Whoever is at the other end of a connection, as callers of stores. */
export interface Client {
  readonly principal: UserPrincipal
  readonly callers: Readonly<Record<Action, Caller>>
  /** The address at the other end. */
  readonly peer: string
  /** Sessions that are looked for. */
  readonly lookups: InTurn
}

/** One command and its parameters. */
export interface NemesisCall extends Services {
  readonly client: Client
  readonly command: string
  readonly parameters: Parameters
}

/** The text of the answer, or texts; undefined: nothing is said. */
export type Answer = string | readonly string[] | undefined

export type Handler = (call: NemesisCall) => Awaitable<Answer>

/** The session that a command names, and its token as JSON text. */
export interface Session {
  readonly store: Store
  readonly token: string
}

/**
 * The session of `tkn`, to be used with `use`. Errors that come of it are those of this session.
 * Throws CommandError.
 */
export function inSession(
  call: NemesisCall,
  action: Action,
  use: (session: Session) => Awaitable<Answer>,
): Awaitable<Answer> {
  const number = tokenOf(call.parameters)
  const token = String(number)
  const fail = (error: unknown): never => {
    throw ofSession(error, token)
  }
  return orElse(
    () => withSession(call, { token: number, action }, (store) => use({ store, token })),
    fail,
  )
}

/**
 * Uses the session of a token. What this server remembers of the token may be over, and the token
 * another store's by now. `isGuess`: wrong tokens are counted. Throws `store-not-found` and what
 * `use` throws.
 */
export function withSession<T>(
  { client, domain }: NemesisCall,
  { token, action, isGuess = true }: { token: bigint; action: Action; isGuess?: boolean },
  use: (store: Store) => Awaitable<T>,
): Awaitable<T> {
  const { principal, peer, callers, lookups } = client
  const { id } = principal.user
  const who = { caller: callers[action], peer: isGuess ? peer : undefined }
  const find = (): Awaitable<Store> => domain.sessions.find(id, token, who)
  const found = lookups.run(find)
  if (found instanceof Promise) return found.then(use)
  return orElse(
    () => use(found),
    (error) => {
      if (!(error instanceof StorageError) || error.code !== 'store-not-found') throw error
      domain.sessions.forget(id, token)
      return andThen(lookups.run(find), use)
    },
  )
}

/** Work of one connection, in its order: one that is known at once must not overtake others. */
export class InTurn {
  #last: Promise<unknown> | undefined

  run<T>(work: () => Awaitable<T>): Awaitable<T> {
    const done = this.#last ? this.#last.then(work, work) : work()
    if (!(done instanceof Promise)) return done
    this.#last = done
    const leave = (): void => {
      if (this.#last === done) this.#last = undefined
    }
    done.then(leave, leave)
    return done
  }
}

function ofSession(error: unknown, token: string): unknown {
  if (error instanceof CommandError) return new CommandError(error.status, error.message, token)
  if (!(error instanceof StorageError)) return error
  if (error.code === 'too-many-guesses') {
    return new CommandError(status.sessionNotExist, error.message, token)
  }
  if (error.code !== 'store-not-found') return error
  return new CommandError(status.sessionNotExist, '', token)
}

/** Throws CommandError where the connection's token is not for one of these keys. */
export function assertKeys({ client }: NemesisCall, keys: Iterable<string>): void {
  const { keyPrefix } = client.principal.scope
  if (keyPrefix === undefined) return
  for (const key of keys) {
    if (key.startsWith(keyPrefix)) continue
    throw new CommandError(status.commandDisabled, `This token is for keys with ${keyPrefix}`)
  }
}

/** What concerns all keys is not for a token that is for some. Throws CommandError. */
export function assertAllKeys({ client }: NemesisCall): void {
  const { keyPrefix } = client.principal.scope
  if (keyPrefix === undefined) return
  throw new CommandError(status.commandDisabled, `This token is for keys with ${keyPrefix}`)
}
