import type { SystemCall } from '../processes/strace.ts'
import type { TimedEvent, WriterEvent } from './writer-job.ts'

interface Timed {
  /** When the call began and ended; calls of several threads overlap. */
  readonly beganAt: number
  readonly endedAt: number
}

/** A change of a folder, as far as it matters for what is on disk after a loss of power. */
export type Operation = Timed &
  (
    | { readonly kind: 'create'; readonly name: string; readonly file: FileId }
    | { readonly kind: 'rename'; readonly from: string; readonly to: string }
    | { readonly kind: 'unlink'; readonly name: string }
    | { readonly kind: 'sync-folder' }
    | FileOperation
  )

/** The name that a file had at first, made unique: its name may change. */
export type FileId = string

/** A change of one file. */
export type FileOperation = Timed &
  (
    | {
        readonly kind: 'write'
        readonly file: FileId
        readonly place: number
        readonly bytes: Buffer
        /** Whether the write is on disk when it returns. */
        readonly isSynced: boolean
        /** Whether the disk reported an error: then no later sync writes these bytes again. */
        readonly isLost: boolean
      }
    | { readonly kind: 'resize'; readonly file: FileId; readonly size: number }
    | { readonly kind: 'grow'; readonly file: FileId; readonly size: number }
    | { readonly kind: 'sync'; readonly file: FileId }
  )

interface Places {
  readonly folder: string
  /** The file to which the process writes what it was told. */
  readonly events: string
  /** The names of the files that are there at the start. */
  readonly files: readonly string[]
}

interface Opened {
  readonly file: FileId
  readonly isSynced: boolean
  position: number
}

/** Turns a trace into changes of a folder. A file that was there keeps its name as its id. */
export function operationsOf(
  calls: readonly SystemCall[],
  places: Places,
): { operations: Operation[]; events: TimedEvent[] } {
  const reader = new TraceReader(places)
  for (const call of calls) reader.take(call)
  return { operations: markLost(reader.operations, reader.events), events: reader.events }
}

/** The files by their names after these changes; at first each has its name as its id. */
export function namesAfter(
  names: readonly string[],
  operations: readonly Operation[],
): Map<string, FileId> {
  const files = new Map(names.map((name) => [name, name]))
  for (const operation of operations) rename(files, operation)
  return files
}

/** Changes the names of a folder as one operation does. */
export function rename(files: Map<string, FileId>, operation: Operation): void {
  if (operation.kind === 'create') files.set(operation.name, operation.file)
  if (operation.kind === 'unlink') files.delete(operation.name)
  if (operation.kind !== 'rename') return
  const file = files.get(operation.from)
  files.delete(operation.from)
  if (file !== undefined) files.set(operation.to, file)
}

class TraceReader {
  readonly operations: Operation[] = []
  readonly events: TimedEvent[] = []
  readonly #places: Places
  readonly #files: Map<string, FileId>
  readonly #opened = new Map<number, Opened>()

  constructor(places: Places) {
    this.#places = places
    this.#files = namesAfter(places.files, [])
  }

  take(call: SystemCall): void {
    if (call.result < 0) return
    if (call.name === 'openat') this.#open(call)
    else if (call.name === 'rename' || call.name === 'unlink') this.#changeName(call)
    else this.#use(call)
  }

  #open(call: SystemCall): void {
    const [path = ''] = textsOf(call.args)
    const name = this.#nameOf(path)
    if (name === undefined) {
      this.#opened.delete(call.result)
      return
    }
    if (name === '') return
    if (!this.#files.has(name)) {
      this.#add(call, { kind: 'create', name, file: `${name} ${this.#files.size}` })
    }
    const file = this.#fileOf(name)
    this.#opened.set(call.result, { file, isSynced: /\bO_D?SYNC\b/.test(call.args), position: 0 })
    if (/\bO_TRUNC\b/.test(call.args)) this.#add(call, { kind: 'resize', file, size: 0 })
  }

  #changeName(call: SystemCall): void {
    const [from, to] = textsOf(call.args).map((path) => this.#nameOf(path))
    if (from === undefined) return
    if (call.name === 'unlink') this.#add(call, { kind: 'unlink', name: from })
    else if (to !== undefined) this.#add(call, { kind: 'rename', from, to })
  }

  #use(call: SystemCall): void {
    const { args, name } = call
    const [, number = '', hex = ''] = /^(\d+)<((?:\\x[0-9a-f]{2})*)/.exec(args) ?? []
    const path = bytesOfHex(hex).toString()
    if (path === this.#places.events) this.#addEvents(call)
    const own = this.#nameOf(path)
    if (own === undefined) return
    if (own === '') {
      this.#add(call, { kind: 'sync-folder' })
      return
    }
    const opened = this.#opened.get(Number(number))
    if (!opened) throw new Error(`The trace shows no opening of ${path}.`)
    const { file } = opened
    const last = Number(/, (\d+)(?:, SEEK_\w+)?$/.exec(args)?.[1])
    if (name === 'fsync' || name === 'fdatasync') this.#add(call, { kind: 'sync', file })
    else if (name === 'ftruncate') this.#add(call, { kind: 'resize', file, size: last })
    else if (name === 'lseek') opened.position = call.result
    else if (name === 'fallocate') this.#allocate(call, file)
    else this.#write(call, { opened, last })
  }

  #allocate(call: SystemCall, file: FileId): void {
    const [, mode = '', at, length] = /^\S+, (\S+), (\d+), (\d+)$/.exec(call.args) ?? []
    if (mode === '0') this.#add(call, { kind: 'grow', file, size: Number(at) + Number(length) })
    else if (mode !== 'FALLOC_FL_KEEP_SIZE') throw new Error(`Unknown: fallocate ${mode}.`)
  }

  #write(call: SystemCall, { opened, last }: { opened: Opened; last: number }): void {
    const isPlaced = call.name === 'pwrite64' || call.name === 'pwritev'
    const place = isPlaced ? last : opened.position
    const all = Buffer.concat(hexTextsOf(call.args).map(bytesOfHex))
    if (all.length < call.result) throw new Error('The trace cut the bytes of a write.')
    if (!isPlaced) opened.position += call.result
    const { isSynced, file } = opened
    const bytes = all.subarray(0, call.result)
    this.#add(call, { kind: 'write', file, place, bytes, isSynced, isLost: false })
  }

  #addEvents(call: SystemCall): void {
    if (call.name !== 'write' && call.name !== 'pwrite64') return
    for (const line of textsOf(call.args).join('').split('\n').filter(Boolean)) {
      const event: WriterEvent = JSON.parse(line)
      this.events.push({ at: call.beganAt, event })
    }
  }

  #add(call: SystemCall, operation: WithoutTimes<Operation>): void {
    const { beganAt, endedAt } = call
    const timed = { ...operation, beganAt, endedAt }
    this.operations.push(timed)
    rename(this.#files, timed)
  }

  #fileOf(name: string): FileId {
    const file = this.#files.get(name)
    if (file === undefined) throw new Error(`There is no file ${name}.`)
    return file
  }

  /** The name in the folder, '' for the folder itself; undefined: it is elsewhere, or the lock. */
  #nameOf(path: string): string | undefined {
    const { folder } = this.#places
    if (path === folder) return ''
    if (!path.startsWith(`${folder}/`) || path.endsWith('/lock.mdb')) return undefined
    return path.slice(folder.length + 1)
  }
}

type WithoutTimes<T> = T extends unknown ? Omit<T, keyof Timed> : never

/** A write that reports an error has its bytes in memory, but the disk refused them. */
function markLost(operations: readonly Operation[], events: readonly TimedEvent[]): Operation[] {
  const faults = events.filter(({ event }) => event.kind === 'fault').map(({ at }) => at)
  const lost = faults.map((at) =>
    operations.findLast((each) => each.kind === 'write' && each.isSynced && each.endedAt < at),
  )
  return operations.map((each) =>
    each.kind === 'write' && lost.includes(each) ? { ...each, isLost: true } : each,
  )
}

function textsOf(args: string): string[] {
  return hexTextsOf(args).map((hex) => bytesOfHex(hex).toString())
}

/** The strings in quotes, all of whose bytes strace writes as `\x41`. */
function hexTextsOf(args: string): string[] {
  const parts = args.split('"')
  return parts.filter((_, index) => index % 2 === 1)
}

function bytesOfHex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex')
}
