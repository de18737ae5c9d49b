import type { Random } from '../load/random.ts'
import { type FileId, type FileOperation, type Operation, rename } from './operations.ts'
import type { Files, Recording } from './recording.ts'

type Write = FileOperation & { readonly kind: 'write' }

/** The most that a disk writes at once or not at all, and the pages of the operating system. */
const sectorBytes = 512
const pageBytes = 4_096

/**
 * What a loss of power keeps of what was not synced:
 * - `none`, `all`: nothing or everything.
 * - `sectors`, `pages`: of each piece the old or the new bytes, by chance.
 * - `one-lost`, `one-kept`: all pieces but one, or one alone.
 * - `torn`: the pieces in front of a place.
 * - `newest`: the newer half of the writes, without the older half.
 */
export const survivals = [
  'none',
  'all',
  'sectors',
  'pages',
  'one-lost',
  'one-kept',
  'torn',
  'newest',
] as const
export type Survival = (typeof survivals)[number]

/** One loss of power: when it happens, and what it keeps. */
export interface PowerLoss {
  readonly at: number
  readonly survival: Survival
}

/**
 * The files after a loss of power. Everything that was synced is there; of the rest `survival` and
 * `random` decide. The assumptions are those of Linux: a sync writes whole pages of memory; a
 * sector of 512 bytes is written in full or not at all; names of files appear in the order in which
 * they were made; a file that grew may have its old length, and zeros where nothing was written.
 */
export function filesAfter(recording: Recording, loss: PowerLoss, random: Random): Files {
  const begun = recording.operations.filter(({ beganAt }) => beganAt < loss.at)
  const files = namesOnDisk(recording, begun, { loss, random })
  const contents = [...files].map(([name, file]) => {
    const own = begun.filter((each): each is FileOperation => 'file' in each && each.file === file)
    const ofFile = own.toSorted((one, other) => one.endedAt - other.endedAt)
    const base = recording.base.get(file) ?? Buffer.alloc(0)
    return [name, new FileOnDisk(base, ofFile, loss.at).after(loss.survival, random)] as const
  })
  return new Map(contents)
}

/** Moments at which a loss of power makes a difference: when a call began, ran or ended. */
export function momentsOf({ operations, end }: Recording): number[] {
  const moments = operations.flatMap(({ beganAt, endedAt }) => [beganAt + 1, endedAt + 1])
  return [...new Set([...moments, end])].sort((one, other) => one - other)
}

/** Names that were synced with their folder are there; of later ones the first few. */
function namesOnDisk(
  { base }: Recording,
  begun: readonly Operation[],
  { loss, random }: { loss: PowerLoss; random: Random },
): Map<string, FileId> {
  const files = new Map([...base.keys()].map((name) => [name, name]))
  const syncs = begun.filter(({ kind, endedAt }) => kind === 'sync-folder' && endedAt < loss.at)
  const syncedAt = Math.max(-1, ...syncs.map(({ beganAt }) => beganAt))
  const changes = begun.filter(({ kind }) => ['create', 'rename', 'unlink'].includes(kind))
  const kept = changes.filter(({ endedAt }) => endedAt < syncedAt).length
  const least = loss.survival === 'all' ? changes.length : kept
  const most = loss.survival === 'none' ? kept : changes.length
  for (const change of changes.slice(0, random.between(least, most))) rename(files, change)
  return files
}

/** One file, and which of its changes a loss of power at one moment can't undo. */
class FileOnDisk {
  readonly #base: Buffer
  readonly #operations: readonly FileOperation[]
  readonly #at: number
  /** All earlier changes were synced. */
  readonly #syncedAt: number
  /** When synced writes to these pages began: they write the whole page. */
  readonly #pagesSyncedAt = new Map<number, number>()

  constructor(base: Buffer, operations: readonly FileOperation[], at: number) {
    this.#base = base
    this.#operations = operations
    this.#at = at
    const syncs = operations.filter(({ kind, endedAt }) => kind === 'sync' && endedAt < at)
    this.#syncedAt = Math.max(-1, ...syncs.map(({ beganAt }) => beganAt))
    for (const each of operations) {
      if (each.kind !== 'write' || !this.#isDurable(each)) continue
      for (const page of piecesOf(each, pageBytes)) this.#pagesSyncedAt.set(page, each.beganAt)
    }
  }

  after(survival: Survival, random: Random): Buffer {
    const pending = this.#pendingSectors()
    const kept = keptOf(pending, survival, random)
    const sizes = this.#sizes()
    const sized = this.#sizedBy(survival, random)
    const bytes = Buffer.alloc(Math.max(...sizes))
    this.#base.copy(bytes)
    for (const [index, each] of this.#operations.entries()) {
      if (each.kind === 'resize' && index < sized) bytes.fill(0, each.size)
      if (each.kind === 'write') this.#apply(each, { bytes, pending, kept })
    }
    return bytes.subarray(0, sizes[sized])
  }

  #apply(
    write: Write,
    parts: { bytes: Buffer; pending: Pending; kept: ReadonlyMap<number, number> },
  ): void {
    if (this.#isDurable(write)) {
      write.bytes.copy(parts.bytes, write.place)
      return
    }
    for (const sector of piecesOf(write, sectorBytes)) {
      const order = parts.pending.get(sector)?.writes.indexOf(write) ?? -1
      if (order >= (parts.kept.get(sector) ?? 0)) continue
      const start = Math.max(write.place, sector * sectorBytes)
      const end = Math.min(write.place + write.bytes.length, (sector + 1) * sectorBytes)
      write.bytes.copy(parts.bytes, start, start - write.place, end - write.place)
    }
  }

  /** For each sector, the writes of which nobody knows whether they are on disk, in their order. */
  #pendingSectors(): Pending {
    const pending: Pending = new Map()
    for (const each of this.#operations) {
      if (each.kind !== 'write' || this.#isDurable(each)) continue
      for (const sector of piecesOf(each, sectorBytes)) {
        const page = Math.floor((sector * sectorBytes) / pageBytes)
        // A later synced write to the page had these bytes too: they can't be undone any more.
        const isSafe = (this.#pagesSyncedAt.get(page) ?? -1) > each.endedAt
        const all = pending.get(sector) ?? { writes: [], safe: 0 }
        all.writes.push(each)
        if (isSafe) all.safe = all.writes.length
        pending.set(sector, all)
      }
    }
    return pending
  }

  #isDurable(write: Write): boolean {
    if (write.isLost) return false
    return write.endedAt < this.#syncedAt || (write.isSynced && write.endedAt < this.#at)
  }

  /** The lengths of the file: at first, and after each operation. */
  #sizes(): number[] {
    const sizes = [this.#base.length]
    for (const each of this.#operations) sizes.push(sizeAfter(each, sizes.at(-1) ?? 0))
    return sizes
  }

  /** How many operations the length shows: a sync of a change also syncs the length after it. */
  #sizedBy(survival: Survival, random: Random): number {
    const last = this.#operations.findLastIndex((each) =>
      each.kind === 'write' ? this.#isDurable(each) : each.endedAt < this.#syncedAt,
    )
    if (survival === 'none') return last + 1
    if (survival === 'all') return this.#operations.length
    return random.between(last + 1, this.#operations.length)
  }
}

/** By sector. The first `safe` writes are on disk for sure. */
type Pending = Map<number, { readonly writes: Write[]; safe: number }>

/** How many of the pending writes of each sector are on disk. */
function keptOf(pending: Pending, survival: Survival, random: Random): Map<number, number> {
  const sectors = [...pending.keys()].sort((one, other) => one - other)
  const chosen = sectors[random.between(0, Math.max(0, sectors.length - 1))] ?? 0
  const shares = new Map<number, number>()
  const shareOf = (sector: number): number => {
    const piece = survival === 'pages' ? Math.floor((sector * sectorBytes) / pageBytes) : sector
    const share = shares.get(piece) ?? random.fraction()
    shares.set(piece, share)
    return share
  }
  const newestFrom = middleOf(pending)
  const entries = sectors.map((sector) => {
    const { writes, safe } = pending.get(sector) ?? { writes: [], safe: 0 }
    const count = writes.length
    const wished = {
      none: () => 0,
      all: () => count,
      sectors: () => Math.floor(shareOf(sector) * (count + 1)),
      pages: () => Math.floor(shareOf(sector) * (count + 1)),
      'one-lost': () => (sector === chosen ? 0 : count),
      'one-kept': () => (sector === chosen ? count : 0),
      torn: () => (sector < chosen ? count : 0),
      newest: () => ((writes.at(-1)?.endedAt ?? 0) >= newestFrom ? count : 0),
    } satisfies Record<Survival, () => number>
    return [sector, Math.max(safe, wished[survival]())] as const
  })
  return new Map(entries)
}

function middleOf(pending: Pending): number {
  const ends = [
    ...new Set([...pending.values()].flatMap(({ writes }) => writes).map(({ endedAt }) => endedAt)),
  ]
  return ends.sort((one, other) => one - other)[Math.floor(ends.length / 2)] ?? 0
}

function piecesOf({ place, bytes }: Write, size: number): number[] {
  const first = Math.floor(place / size)
  const last = Math.floor((place + bytes.length - 1) / size)
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function sizeAfter(operation: FileOperation, before: number): number {
  if (operation.kind === 'write') {
    return Math.max(before, operation.place + operation.bytes.length)
  }
  if (operation.kind === 'resize') return operation.size
  return operation.kind === 'grow' ? Math.max(before, operation.size) : before
}
