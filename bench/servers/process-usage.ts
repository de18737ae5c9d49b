import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second, whatever its kernel ticks at. */
const msPerTick = 10
const megabyte = 1_000_000

/** A process's memory in MB: all that is resident, and its parts. */
export interface Memory {
  readonly resident: number
  /** The process's own: heap, stacks, buffers. */
  readonly anonymous: number
  /** Mapped files, LMDB's above all: the kernel takes these pages back when it needs them. */
  readonly mapped: number
  /** The most that was ever resident. */
  readonly peak: number
}

/** User and system time of all threads of a process, in ms. */
export function cpuMsOf(processId: number): number {
  const fields = fieldsOf(processId)
  return (Number(fields[11]) + Number(fields[12])) * msPerTick
}

/** User and system time so far of this process and of all its children that have ended, in ms. */
export function ownCpuMs(): number {
  const fields = fieldsOf('self')
  return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) * msPerTick
}

/** The time of all processors so far, summed up, in ms. */
export function machineCpuMs(): { readonly busy: number; readonly total: number } {
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n', 1).join('').split(/ +/)
  // user nice system idle iowait irq softirq steal, and guests, whose time is in user
  // (proc_stat(5)).
  const times = ticks.slice(0, 8).map((count) => Number(count) * msPerTick)
  const total = times.reduce((sum, time) => sum + time, 0)
  return { busy: total - (times[3] ?? 0) - (times[4] ?? 0), total }
}

export function memoryOf(processId: number): Memory {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8')
  const field = (name: string): number => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
    return (Number(kilobytes) * 1_024) / megabyte
  }
  return {
    resident: field('VmRSS'),
    anonymous: field('RssAnon'),
    mapped: field('RssFile'),
    peak: field('VmHWM'),
  }
}

function fieldsOf(processId: number | 'self'): string[] {
  const stat = readFileSync(`/proc/${processId}/stat`, 'utf8')
  // The name in front, in brackets, may hold spaces: fields are counted after it
  // (proc_pid_stat(5)).
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
