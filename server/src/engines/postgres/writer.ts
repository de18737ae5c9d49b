import { setTimeout as sleep } from 'node:timers/promises'
import { type AtomicWrite, type Commit, EngineError } from '../../core/engine/engine.ts'
import type { Newest } from '../../core/engine/newest.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { Decision } from './batch.ts'
import { commitTogether } from './commit.ts'
import { engineErrorOf } from './link/failure.ts'
import type { ReconnectingSession } from './link/reconnecting-session.ts'
import { type Session, sqlStateOf } from './link/session.ts'
import type { Waiter, Waiters } from './waiters.ts'

/** Classes of SQLSTATEs that no single write can cause: locks, space, the server itself. */
const faultsOfNone = ['08', '25', '40', '53', '55', '57', '58']

/** SQLSTATEs of a server that takes no writes any more. */
const retired = ['25006', '57P']

interface Member {
  readonly write: AtomicWrite
  readonly bytes: number
  readonly waiter: Waiter<Commit>
}

/**
 * Commits in groups, one after the other, over one session. Writes that arrive while a group is
 * being committed form the next group.
 *
 * A group takes two trips. The first locks the clock. Then it reads, in a second statement and so
 * from a newer snapshot, the entries that the decisions depend on. The writes of the group are
 * decided here, in order. The second trip writes the result and commits.
 *
 * A write whose time is over is answered at that moment. If its group has not begun, it is left out
 * of it.
 */
export class Writer {
  readonly #lane: ReconnectingSession
  readonly #newest: Newest
  readonly #waiters: Waiters
  readonly #waiting: Member[] = []
  #flushing: Promise<void> | undefined

  constructor(parts: { lane: ReconnectingSession; newest: Newest; waiters: Waiters }) {
    this.#lane = parts.lane
    this.#newest = parts.newest
    this.#waiters = parts.waiters
  }

  /** `bytes` is the measured size of `write`. Throws EngineError. */
  commit(write: AtomicWrite, bytes: number): Promise<Commit> {
    const waiter = this.#waiters.add<Commit>()
    this.#waiting.push({ write, bytes, waiter })
    this.#flushing ??= this.#flush()
    return waiter.answer
  }

  /** Resolves once no group is being committed. */
  async settled(): Promise<void> {
    await this.#flushing
  }

  async #flush(): Promise<void> {
    // Writes of the same turn of the event loop belong to this group, and so do those of clients
    // that write again when the last group has ended.
    await new Promise(setImmediate)
    while (this.#waiting.length > 0) {
      await this.#commitNext()
      await new Promise(setImmediate)
    }
    this.#flushing = undefined
  }

  async #commitNext(): Promise<void> {
    const [opened] = await Promise.allSettled([this.#lane.session()])
    if (opened?.status !== 'fulfilled') {
      refuse(this.#waiting.splice(0), engineErrorOf(opened?.reason))
      return
    }
    await this.#settle(this.#takeGroup(), opened.value)
  }

  #takeGroup(): Member[] {
    const { postgresGroupBytesMax: bytesMax, postgresGroupCommitsMax: countMax } = limits
    let bytes = 0
    let count = 0
    for (const member of this.#waiting) {
      if (count > 0 && (count >= countMax || bytes + member.bytes > bytesMax)) break
      bytes += member.bytes
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  async #settle(group: readonly Member[], session: Session): Promise<void> {
    try {
      await this.#commit(group, session)
    } catch (error) {
      const failure = engineErrorOf(error)
      if (group.length === 1 || !mayBeOfOne(failure)) return refuse(group, failure)
      // One write is the cause. Commit each by itself, so that the others do not fail.
      for (const member of group) await this.#settle([member], session)
    }
  }

  #answer(group: readonly Member[], decisions: readonly Decision[]): void {
    const revisions = decisions.map((one) => ('revision' in one ? one.revision : 0))
    this.#newest.advance(Math.max(...revisions))
    for (const [index, { waiter }] of group.entries()) {
      const decision = decisions[index]
      if (decision === undefined || decision instanceof EngineError) waiter.reject(decision)
      else waiter.resolve(decision)
    }
  }

  /**
   * Commits the writes of a group that are still waited for, and answers them. Tries again while it
   * is certain that nothing was committed. Throws EngineError.
   */
  async #commit(group: readonly Member[], first: Session): Promise<void> {
    const { postgresGroupAttemptsMax: attemptsMax } = limits
    let session = first
    for (let attempt = 1; ; attempt += 1) {
      const members = group.filter(({ waiter }) => !waiter.isOver)
      if (members.length === 0) return
      try {
        return this.#answer(members, await attemptOn(session, members))
      } catch (error) {
        const failure = engineErrorOf(error)
        // After an unexpected error, never leave its transaction open.
        if (isRetired(failure) || !(error instanceof EngineError)) session.destroy()
        if (attempt >= attemptsMax || !isWorthwhile(failure, session, attempt)) throw failure
        if (failure.failure === 'conflict') await sleep(attempt * limits.postgresGroupRetryMs)
        session = await this.#lane.session()
      }
    }
  }
}

/** Until it fails for certain, an attempt may apply the writes. */
async function attemptOn(
  session: Session,
  members: readonly Member[],
): Promise<readonly Decision[]> {
  for (const { waiter } of members) waiter.mayApply = true
  try {
    return await commitTogether(
      members.map(({ write }) => write),
      session,
    )
  } catch (error) {
    if (engineErrorOf(error).applied === 'no') {
      for (const { waiter } of members) waiter.mayApply = false
    }
    throw error
  }
}

/**
 * Whether to try again. A session may have been lost long ago, unnoticed: that is tried once more.
 */
function isWorthwhile(failure: EngineError, session: Session, attempt: number): boolean {
  if (failure.applied === 'unknown') return false
  const isGone = session.isLost || isRetired(failure)
  return failure.failure === 'conflict' || (isGone && attempt === 1)
}

function mayBeOfOne({ applied, cause }: EngineError): boolean {
  const state = sqlStateOf(cause)
  if (applied === 'unknown' || state === undefined) return false
  return !faultsOfNone.some((start) => state.startsWith(start))
}

function isRetired({ cause }: EngineError): boolean {
  return retired.some((state) => sqlStateOf(cause)?.startsWith(state))
}

function refuse(group: readonly Member[], failure: EngineError): void {
  for (const { waiter } of group) waiter.reject(failure)
}
