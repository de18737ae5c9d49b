import { randomFillSync } from 'node:crypto'
import type { Environment } from '../../core/kernel/environment.ts'
import { Log } from './log.ts'
import { RandomPool } from './random-pool.ts'

/** The environment of a process, which writes its log to stderr. */
export interface SystemEnvironment extends Environment {
  /** To be called before the process ends: writes what the log has only counted so far. */
  flushLog(): void
}

/** The real clock, real random bytes, and a log on stderr with one line per entry. */
export function systemEnvironment(): SystemEnvironment {
  const random = new RandomPool(randomFillSync)
  const now = (): number => Date.now()
  const log = new Log({ now, write: (line) => process.stderr.write(line) })
  return {
    now,
    randomBytes: (count) => random.take(count),
    logError: (message, cause) => log.add(message, cause),
    flushLog: () => log.flush(),
  }
}
