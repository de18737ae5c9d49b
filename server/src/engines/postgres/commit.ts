import type { AtomicWrite } from '../../core/engine/engine.ts'
import { type Decision, decide, keysToRead, type Outcome } from './batch.ts'
import { commitErrorOf, engineErrorOf, unknown } from './link/failure.ts'
import type { Session } from './link/session.ts'
import { type Changes, channel, statesOf, takeRevisions, writeAll } from './statements.ts'

/** In two trips; see `Writer`. Throws EngineError: nothing is decided. */
export async function commitTogether(
  writes: readonly AtomicWrite[],
  session: Session,
): Promise<readonly Decision[]> {
  const outcome = await decideLocked(writes, session)
  if (!outcome.decisions.some((one) => 'revision' in one)) {
    await Promise.allSettled([session.tell('rollback')])
    return outcome.decisions
  }
  await commitAll(session, outcome)
  return outcome.decisions
}

/**
 * Writes, and ends the transaction. COMMIT answers ROLLBACK after a statement that failed, and only
 * warns when it did not wait for a standby that it should wait for.
 * Throws EngineError.
 */
export async function commitAll(session: Session, changes: Changes): Promise<void> {
  session.takeWarnings()
  const { writing, committing } = session.together(() => ({
    writing: [...writeAll(session, changes), session.tell(`notify ${channel}`)],
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

/** Leaves the clock locked by a transaction. Throws EngineError when there is none any more. */
async function decideLocked(writes: readonly AtomicWrite[], session: Session): Promise<Outcome> {
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
    if (states.status === 'fulfilled') return decide(writes, states.value, newest.value)
  }
  await Promise.allSettled([session.tell('rollback')])
  throw engineErrorOf(reasonAmong([begun, newest, states]))
}

function reasonAmong(results: readonly PromiseSettledResult<unknown>[]): unknown {
  return results.find((one) => one.status === 'rejected')?.reason
}
