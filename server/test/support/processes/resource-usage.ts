import { readdirSync, readFileSync, statSync } from 'node:fs'

/** The memory of a process in bytes, and its open files, as Linux counts them. */
export interface ResourceUsage {
  /** All pages in memory, with the pages of the mapped data file. */
  readonly resident: number
  /** The pages that are the process's own: heap, buffers, stacks. */
  readonly own: number
  readonly openFiles: number
}

export function usageOf(pid: number): ResourceUsage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    resident: kilobytes(status, 'VmRSS'),
    own: kilobytes(status, 'RssAnon'),
    openFiles: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** The highest usage of a process and its data file among several measurements. */
export class PeakUsage {
  readonly #pid: number
  readonly #file: string
  resident = 0
  own = 0
  fileBytes = 0

  constructor({ pid, file }: { pid: number; file: string }) {
    this.#pid = pid
    this.#file = file
  }

  look(): void {
    const { resident, own } = usageOf(this.#pid)
    this.resident = Math.max(this.resident, resident)
    this.own = Math.max(this.own, own)
    this.fileBytes = Math.max(this.fileBytes, statSync(this.#file).size)
  }
}

function kilobytes(status: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
  if (found === undefined) throw new Error(`/proc has no value for ${name}.`)
  return Number(found) * 1_024
}
