import type { AtomicWrite, Revision } from '../../core/engine/engine.ts'
import { type Decision, decide, keysToRead, type Outcome } from './batch.ts'
import { logsOf, type Notice, notifyStatement } from './hearing/notice.ts'
import { commitErrorOf, engineErrorOf, unknown } from './link/failure.ts'
import type { Session } from './link/session.ts'
import { type Changes, statesOf, takeRevisions, writeAll } from './statements.ts'

/** Commits a group in two trips; see `Writer`. Throws EngineError: then nothing is decided. */
export async function commitTogether(
  writes: readonly AtomicWrite[],
  session: Session,
): Promise<readonly Decision[]> {
  const { outcome, newest } = await decideLocked(writes, session)
  if (!outcome.decisions.some(isApplied)) {
    await Promise.allSettled([session.tell('rollback')])
    return outcome.decisions
  }
  const logs = logsOf(writes.filter((_, at) => isApplied(outcome.decisions[at])))
  await commitAll(session, outcome, { before: newest, newest: newest + writes.length, logs })
  return outcome.decisions
}

/**
 * Writes the changes and commits the transaction. After a failed statement PostgreSQL answers
 * COMMIT with ROLLBACK. If it did not wait for a standby as it should, it only warns. Throws
 * EngineError.
 */
export async function commitAll(session: Session, changes: Changes, notice: Notice): Promise<void> {
  session.takeWarnings()
  const { writing, committing } = session.together(() => ({
    writing: [...writeAll(session, changes), session.tell(notifyStatement(notice))],
    committing: session.tell('commit'),
  }))
  const written = await Promise.allSettled(writing)
  const [committed] = await Promise.allSettled([committing])
  if (committed?.status !== 'fulfilled') throw commitErrorOf(committed?.reason)
  if (committed.value.command !== 'COMMIT') throw engineErrorOf(reasonAmong(written))
  const warnings = session.takeWarnings()
  if (warnings.length === 0) return
  throw unknown(`PostgreSQL committed, but warned: ${warnings.join(' ')}.`)
}

/**
 * Decides the writes and leaves the clock locked by an open transaction. Throws EngineError; then
 * no transaction is open any more.
 */
async function decideLocked(
  writes: readonly AtomicWrite[],
  session: Session,
): Promise<{ outcome: Outcome; newest: Revision }> {
  const keys = keysToRead(writes)
  const asked = session.together(
    () =>
      [
        session.tell('begin isolation level read committed'),
        takeRevisions(session, writes.length),
        statesOf(session, keys),
      ] as const,
  )
  const [begun, newest, states] = await Promise.allSettled(asked)
  if (begun.status === 'fulfilled' && newest.status === 'fulfilled') {
    if (states.status === 'fulfilled') {
      const outcome = decide(writes, states.value, newest.value)
      return { outcome, newest: newest.value }
    }
  }
  await Promise.allSettled([session.tell('rollback')])
  throw engineErrorOf(reasonAmong([begun, newest, states]))
}

function isApplied(decision: Decision | undefined): boolean {
  return decision !== undefined && 'revision' in decision
}

function reasonAmong(results: readonly PromiseSettledResult<unknown>[]): unknown {
  return results.find((one) => one.status === 'rejected')?.reason
}
