import { readFileSync } from 'node:fs'

/** The part of all files for connections: the rest is for data, logs and child processes. */
const connectionsPart = 3 / 4

/**
 * How many connections this process may have open by the limits of the system (`ulimit -n`).
 * Undefined where the system does not say: only Linux does.
 */
export function connectionsAllowed(): number | undefined {
  if (process.platform !== 'linux') return undefined
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return soft === undefined ? undefined : Math.floor(Number(soft) * connectionsPart)
}
