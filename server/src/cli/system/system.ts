import { randomFillSync } from 'node:crypto'
import type { Environment } from '../../core/kernel/environment.ts'
import { withoutPasswords } from '../../installation/config.ts'
import { RandomPool } from './random-pool.ts'

/** The real clock, real random bytes, and a log on stderr with one line per entry. */
export function systemEnvironment(): Environment {
  const random = new RandomPool(randomFillSync)
  return {
    now: () => Date.now(),
    randomBytes: (count) => random.take(count),
    logError: (message, cause) => {
      const why = cause === undefined ? '' : `: ${oneLine(describe(cause))}`
      process.stderr.write(`${new Date().toISOString()} ${oneLine(message)}${why}\n`)
    },
  }
}

/** An error with its causes. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const own = cause.stack ?? `${cause.name}: ${cause.message}`
  return cause.cause === undefined ? own : `${own} | because of ${describe(cause.cause)}`
}

function oneLine(text: string): string {
  return withoutPasswords(text).replace(/\s*\n\s*/g, ' | ')
}
