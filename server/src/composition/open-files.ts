import { readdirSync, readFileSync } from 'node:fs'

/**
 * How many more files and connections this process may open; undefined: the system does not tell,
 * as outside of Linux.
 */
export function countFreeFiles(): number | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const [, max] = /^Max open files +(\d+)/m.exec(limits) ?? []
    return max === undefined ? undefined : Number(max) - readdirSync('/proc/self/fd').length
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}
