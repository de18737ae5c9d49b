import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSystemCalls, straceWords } from '../processes/strace.ts'
import { namesAfter, type Operation, operationsOf } from './operations.ts'
import { engineModule, serverFolder } from './sources.ts'
import type { TimedEvent, WriterEvent, WriterJob, WriterOptions } from './writer-job.ts'

/** The files of a folder by their names. */
export type Files = ReadonlyMap<string, Buffer>

/** What processes did to a folder, one after the other, while the machine was up. */
export interface Recording {
  /** What was on disk before. */
  readonly base: Files
  readonly operations: readonly Operation[]
  readonly events: readonly TimedEvent[]
  /** After everything. */
  readonly end: number
  /** The signal that ended the process although nobody killed it, where calls were let fail. */
  readonly died: string | undefined
}

export interface RecordedParts extends WriterOptions {
  /** An empty folder on a real disk. */
  readonly place: string
  /** The folder of the sources; by default those of this project. */
  readonly server?: string
  /** What is in the folder at the start. */
  readonly files?: Files
  /** Words for strace, to let calls fail. */
  readonly inject?: readonly string[]
}

/** strace writes the bytes of no call that is longer. */
const callBytesMax = 64 * 1_048_576
const sessionMsMax = 120_000
const traced =
  'openat,lseek,pwrite64,pwritev,write,writev,ftruncate,fallocate,fsync,fdatasync,rename,unlink'
const lockFile = 'lock.mdb'

/**
 * Lets a process write to the engine, and records every change of its folder. LMDB's table of
 * readers is left out: LMDB makes it anew at each start.
 */
export function record(parts: RecordedParts): Recording {
  const { place, files = new Map(), server = serverFolder, inject = [], ...options } = parts
  const folder = join(place, 'lmdb')
  writeFolder(folder, files)
  const events = join(place, 'events')
  writeFileSync(events, '')
  const log = join(place, 'calls.log')
  const words = straceWords([
    ...['--seccomp-bpf', '-y', '-xx', '-s', String(callBytesMax)],
    ...['-e', `trace=${traced}`, ...inject, '-o', log],
  ])
  const job: WriterJob = { ...options, folder, events, engine: engineModule(server) }
  const died = runWriter(words, job)
  if (died !== undefined && inject.length === 0) throw new Error(died)
  const calls = readSystemCalls(log)
  rmSync(log)
  const places = { folder, events, files: [...files.keys()] }
  const { operations, events: timed } = operationsOf(calls, places)
  return { base: files, operations, events: timed, end: (calls.at(-1)?.endedAt ?? 0) + 1, died }
}

/** The same without a trace, for what only needs the folder afterwards. */
export function write(parts: Omit<RecordedParts, 'inject'> & { under?: readonly string[] }): {
  readonly folder: string
  readonly events: readonly WriterEvent[]
  readonly died: string | undefined
} {
  const { place, files = new Map(), server = serverFolder, under = [], ...options } = parts
  const folder = join(place, 'lmdb')
  writeFolder(folder, files)
  const events = join(place, 'events')
  writeFileSync(events, '')
  const died = runWriter(under, { ...options, folder, events, engine: engineModule(server) })
  if (died !== undefined && under.length === 0) throw new Error(died)
  const lines = readFileSync(events, 'latin1').split('\n').filter(Boolean)
  return { folder, events: lines.map((line) => JSON.parse(line)), died }
}

/** A folder that a process opened and closed, without a commit: nothing is new to the next one. */
export function startedFiles(): Files {
  const place = mkdtempSync(join(tmpdir(), 'coatcheck-started-'))
  try {
    const nothing = { seed: 0, session: 0, writers: 0, commits: 0 }
    return readFolder(write({ place, ...nothing }).folder)
  } finally {
    rmSync(place, { recursive: true })
  }
}

/**
 * One recording of both: the second process found the files as the first left them, and the
 * machine stayed up between them. So what the first did not sync is still not on disk.
 */
export function joined(first: Recording, second: Recording): Recording {
  const shift = first.end
  const names = namesAfter([...first.base.keys()], first.operations)
  const operations = second.operations.map((operation) => ({
    ...operation,
    ...('file' in operation ? { file: names.get(operation.file) ?? operation.file } : {}),
    beganAt: operation.beganAt + shift,
    endedAt: operation.endedAt + shift,
  }))
  const events = second.events.map(({ at, event }) => ({ at: at + shift, event }))
  return {
    base: first.base,
    operations: [...first.operations, ...operations],
    events: [...first.events, ...events],
    end: shift + second.end,
    died: second.died,
  }
}

/** What happened before `at`: the process was killed then. */
export function cutAt(recording: Recording, at: number): Recording {
  const { base, operations, events } = recording
  return {
    base,
    operations: operations.filter(({ endedAt }) => endedAt < at),
    events: events.filter((event) => event.at < at),
    end: at,
    died: undefined,
  }
}

export function writeFolder(folder: string, files: Files): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes, { mode: 0o600 })
}

export function readFolder(folder: string): Files {
  const names = readdirSync(folder).filter((name) => name !== lockFile)
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]))
}

/** Returns why the process ended, unless it ended as it should. */
function runWriter(under: readonly string[], job: WriterJob): string | undefined {
  const script = join(serverFolder, 'test/support/disk/writer-child.ts')
  const [command = process.execPath, ...words] = [...under, process.execPath]
  const args = [...words, script, JSON.stringify(job)]
  const { status, signal, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: sessionMsMax,
    killSignal: 'SIGKILL',
  })
  const wasKilled = signal === 'SIGKILL' || status === 128 + 9
  if (status === 0 || (job.end === 'kill' && wasKilled)) return undefined
  return `died: ${signal ?? status} ${stderr.trim().split('\n').at(-1)}`
}
