import type { UserPrincipal } from '../../../core/access/principal.ts'
import type { Domain } from '../../../core/domain.ts'
import type { Caller } from '../../../core/identity/caller.ts'
import { type Awaitable, andThen, orElse } from '../../../core/kernel/awaitable.ts'
import type { Line } from '../../../core/kernel/bounds/work-turns.ts'
import type { Environment } from '../../../core/kernel/environment.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import type { KeyQueue } from '../../../core/kernel/key-queue.ts'
import type { Action } from '../../../core/people/scope.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { AnswerText, MessageRoom } from '../../../transport/socket-exchange.ts'
import type { Dumps } from '../dumps/dumps.ts'
import type { ConnectionWatches } from '../watching/connection-watches.ts'
import { type Parameters, tokenOf } from './parameters.ts'
import { status } from './status.ts'
import { CommandError, type Compat } from './wire.ts'

/** What all commands of this door share. */
export interface Services {
  readonly domain: Domain
  readonly environment: Environment
  readonly compat: Compat
  /** Undefined: saving is off. */
  readonly dumps: Dumps | undefined
  /**
   * Runs all loads of dumps one after the other: each has a file of a dump in memory. A load takes
   * as long as it takes, so nobody is refused because of a long wait.
   */
  readonly loads: KeyQueue
}

/** The client of one connection: its principal, and one caller of stores for each action. */
export interface Client {
  readonly principal: UserPrincipal
  readonly callers: Readonly<Record<Action, Caller>>
  /** The client's network address. */
  readonly peer: string
  /** The line in which this connection waits with long work. */
  readonly line: Line
  readonly watches: ConnectionWatches
  /** The session look-ups of this connection, in order. */
  readonly lookups: LookupQueue
}

/** One command and its parameters. */
export interface NemesisCall extends Services {
  readonly client: Client
  readonly command: string
  readonly parameters: Parameters
  /** Sends the first of two answers at once. The result of the command is the second one. */
  begin(answer: string): void
  /** Room for what is read and made for the answer. */
  readonly room: MessageRoom
}

/** The text to send; undefined: the command gets no answer. */
export type Answer = AnswerText | undefined

export type Handler = (call: NemesisCall) => Awaitable<Answer>

/** The session that a command names, and its token as JSON text. */
export interface Session {
  readonly store: Store
  readonly token: string
}

/**
 * Runs `use` with the session that the parameter `tkn` names. Errors about the session carry its
 * token into the answer. Throws CommandError, and what `use` throws.
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
 * Runs `use` with the store of a session token. The cached store may be gone, or the token may name
 * another store by now: then the session is looked up again. `isGuess`: a wrong token is counted as
 * a guess. Throws `store-not-found`, `too-many-guesses`, and what `use` throws.
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

/**
 * Runs the work of one connection in order: work that finishes synchronously must not overtake
 * earlier work that still waits.
 */
export class LookupQueue {
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

/** Throws CommandError if the connection's API token does not allow one of these keys. */
export function assertKeys({ client }: NemesisCall, keys: Iterable<string>): void {
  const { keyPrefix } = client.principal.scope
  if (keyPrefix === undefined) return
  for (const key of keys) {
    if (key.startsWith(keyPrefix)) continue
    throw new CommandError(
      status.commandDisabled,
      `This API token only allows keys that begin with ${keyPrefix}`,
    )
  }
}

/** Throws CommandError if the connection's API token only allows some of the keys. */
export function assertAllKeys({ client }: NemesisCall): void {
  const { keyPrefix } = client.principal.scope
  if (keyPrefix === undefined) return
  throw new CommandError(
    status.commandDisabled,
    `This API token only allows keys that begin with ${keyPrefix}`,
  )
}
