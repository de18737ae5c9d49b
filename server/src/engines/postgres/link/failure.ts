import { EngineError } from '../../../core/engine/engine.ts'
import { sqlStateOf } from './session.ts'

/**
 * What a SQLSTATE, or a class of them, means for a commit or a read that failed with it.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const meanings: readonly (readonly [state: string, failure: 'conflict' | 'full' | 'refused'])[] = [
  ['40001', 'conflict'],
  ['40P01', 'conflict'],
  ['53100', 'full'],
  ['54000', 'refused'],
  ['22', 'refused'],
]

/**
 * If COMMIT fails with one of these, the transaction surely did not happen. After any other error
 * it may have happened.
 */
const surelyUndone = ['40001', '40P01', '53', '23', '25']

/** Turns an error of `pg` into an EngineError. */
export function engineErrorOf(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause
  const state = sqlStateOf(cause)
  const message = cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause)
  if (state === undefined) {
    return new EngineError('unavailable', `The connection to PostgreSQL was lost: ${message}.`, {
      cause,
    })
  }
  const [, failure = 'unavailable'] = meanings.find(([start]) => state.startsWith(start)) ?? []
  return new EngineError(failure, `PostgreSQL refused (${state}): ${message}.`, { cause })
}

/** Turns an error that COMMIT got instead of an answer into an EngineError. */
export function commitErrorOf(cause: unknown): EngineError {
  const state = sqlStateOf(cause)
  if (state !== undefined && surelyUndone.some((start) => state.startsWith(start))) {
    return engineErrorOf(cause)
  }
  const message = cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause)
  return unknown(`PostgreSQL did not say whether it committed: ${message}.`, cause)
}

export function unknown(message: string, cause?: unknown): EngineError {
  return new EngineError('unavailable', message, { applied: 'unknown', cause })
}
