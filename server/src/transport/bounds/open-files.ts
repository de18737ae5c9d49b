import { readdirSync, readFileSync } from 'node:fs'
import { limits } from '../../core/kernel/limits.ts'

/**
 * How many connections this process may have open besides the files that are open now, by the
 * limits of the system (`ulimit -n`): some files are left for data, logs and child processes.
 * Undefined where the system does not say: only Linux does.
 */
export function connectionsAllowed(): number | undefined {
  if (process.platform !== 'linux') return undefined
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  if (soft === undefined) return undefined
  const free = Number(soft) - readdirSync('/proc/self/fd').length
  return Math.max(1, free - limits.reservedFilesCount)
}
