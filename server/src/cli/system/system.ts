import { randomFillSync } from 'node:crypto'
import { uptime } from 'node:os'
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
  const monotonic = (): number => performance.now()
  const log = new Log({ now, monotonic, write: (line) => process.stderr.write(line) })
  return {
    now,
    monotonic,
    asleep: process.platform === 'linux' ? asleepOnLinux : () => 0,
    randomBytes: (count) => random.take(count),
    logError: (message, cause, about) => log.add(message, cause, about),
    flushLog: () => log.flush(),
  }
}

/**
 * The time since the machine was started, less the time that it was awake. Linux's monotonic clock
 * stops while the machine sleeps; elsewhere it goes on.
 */
function asleepOnLinux(): number {
  return uptime() * 1_000 - Number(process.hrtime.bigint() / 1_000_000n)
}
