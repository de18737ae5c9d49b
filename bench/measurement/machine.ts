import { statfsSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'

/** The machine, on which the numbers depend. */
export interface Machine {
  readonly date: string
  readonly cpus: string
  readonly memory: string
  readonly node: string
}

/** `f_type` of a file system that is memory (statfs(2)). */
const tmpfsMagic = 0x01021994

export function describeMachine(): Machine {
  const all = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    cpus: `${all.length} x ${all[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
  }
}

/** The load average of the last minute. */
export function loadAverage(): number {
  return loadavg()[0] ?? Number.NaN
}

/** Whether a folder is in memory, where syncing costs nothing. */
export function isInMemory(folder: string): boolean {
  return statfsSync(folder).type === tmpfsMagic
}
