import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../../../core/engine/engine.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { type Primary, reasonOf } from './primary.ts'
import type { Session } from './session.ts'

/**
 * One session with the primary for one purpose. It is reopened whenever it is lost, until the lane
 * is closed.
 */
export class ReconnectingSession {
  readonly #primary: Primary
  readonly #prepare: (session: Session) => Promise<void>
  #session: Session | undefined
  #opening: Promise<Session> | undefined
  /** Why the last attempt failed; undefined after a success. */
  #failure: EngineError | undefined
  #waitMs: number = limits.postgresReconnectMsMin
  readonly #closing = new AbortController()

  /** `prepare` runs on each new session before the session is used. */
  constructor(primary: Primary, prepare: (session: Session) => Promise<void>) {
    this.#primary = primary
    this.#prepare = prepare
  }

  /**
   * Waits for the first attempt to reconnect after a loss, but not for later attempts. Throws
   * EngineError `unavailable`, `closed`.
   */
  async session(): Promise<Session> {
    if (this.#closing.signal.aborted) throw new EngineError('closed', 'The engine is closed.')
    if (this.#session?.isLost === false) return this.#session
    if (this.#failure) throw this.#failure
    return this.#attempt()
  }

  /** Waits for outstanding answers. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([this.#opening])
    await this.#session?.close()
  }

  #attempt(): Promise<Session> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<Session> {
    let session: Session | undefined
    try {
      session = await this.#primary.open()
      await this.#prepare(session)
    } catch (error) {
      session?.destroy()
      this.#failure = unavailable(error)
      void this.#retry()
      throw this.#failure
    }
    this.#session = session
    this.#failure = undefined
    this.#waitMs = limits.postgresReconnectMsMin
    void session.lost.then(() => this.#reopen())
    return session
  }

  async #retry(): Promise<void> {
    const { signal } = this.#closing
    const waitMs = this.#waitMs
    this.#waitMs = Math.min(limits.postgresReconnectMsMax, 2 * waitMs)
    await Promise.allSettled([sleep(waitMs, undefined, { signal, ref: false })])
    await this.#reopen()
  }

  /** Ignore a failure: callers of `session` get it, and `#open` starts the next attempt. */
  async #reopen(): Promise<void> {
    if (!this.#closing.signal.aborted) await Promise.allSettled([this.#attempt()])
  }
}

function unavailable(cause: unknown): EngineError {
  if (cause instanceof EngineError) {
    return new EngineError('unavailable', cause.message, { cause })
  }
  return new EngineError('unavailable', `PostgreSQL does not answer: ${reasonOf(cause)}.`, {
    cause,
  })
}
