import { closeSync, fdatasync, openSync, statSync, writev } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { limits } from '../../../core/kernel/limits.ts'
import { type Disk, diskOf } from './disk.ts'
import { pageBytes, type Tree } from './tree.ts'

/** Writes `length` zeros to `place` in the file. */
export type WriteZeros = (file: number, length: number, place: number) => Promise<number>

export interface RoomAheadParts {
  readonly tree: () => Tree
  /** Whether an error of `node:fs` says that the disk or a quota is full. */
  readonly foundNoRoom: (error: unknown) => boolean
  readonly diskOf?: (folder: string) => Disk
  readonly writeZeros?: WriteZeros
  readonly sync?: (file: number) => Promise<void>
}

/** What is to be written: bytes that the journal holds, and bytes that go into LMDB at once. */
export interface Growth {
  readonly journaled: number
  readonly direct: number
}

const {
  lmdbReserveBytesMin: reserveBytesMin,
  lmdbReserveBytesMax: reserveBytesMax,
  lmdbReserveShare: reserveShare,
  lmdbExtensionBytes: extensionBytes,
  lmdbRoomyDiskBytesMin: roomyBytesMin,
  fullDiskBytesMax: leftBytesMin,
} = limits

/** A page that was split may be half empty. */
const pagesPerByte = 2
const zeros = Buffer.alloc(65_536)
const gatheredWrite = promisify(writev)
/** One system call writes the same zeros several times. */
const writeZerosAt: WriteZeros = async (file, length, place) => {
  const pieces: Buffer[] = []
  const pieceBytes = Math.min(zeros.length, Math.ceil(length / 2))
  for (let rest = length; rest > 0; rest -= pieceBytes) {
    pieces.push(zeros.subarray(0, Math.min(rest, pieceBytes)))
  }
  return (await gatheredWrite(file, pieces, place)).bytesWritten
}

/**
 * Room behind the last page of LMDB's file. LMDB must never find the disk full, because lmdb may
 * end the process then. So this class extends the file with zeros before LMDB takes new pages:
 * a full disk fails this write, and not LMDB's. It also keeps a reserve of such room for writes
 * that must work on a full disk. Not `ftruncate`: that makes the file longer without any room.
 *
 * On a file system that copies on each write, zeros keep no room. There the reserve is free space
 * of the disk.
 */
export class RoomAhead {
  readonly #path: string
  readonly #parts: Required<RoomAheadParts>
  #file: number | undefined
  /** The file has room on the disk up to here. */
  #end: number
  #tree: Tree
  #disk: Disk
  /** Whether the last extension found no room, although the disk may report some: a quota. */
  #isRefused = false
  /** The bytes in the journal when the disk was last looked at. */
  #lookedAt = 0
  /** The end of the extensions that were asked for. They run one after the other. */
  #extending: Promise<void> = Promise.resolve()
  #refilling: NodeJS.Timeout | undefined
  /** Why the reserve could not be filled, if not for want of room. The next write reports it. */
  #failure: { readonly cause: unknown } | undefined

  /** The file must exist. */
  constructor(path: string, parts: RoomAheadParts) {
    this.#path = path
    this.#parts = { diskOf, writeZeros: writeZerosAt, sync: promisify(fdatasync), ...parts }
    this.#tree = parts.tree()
    this.#disk = this.#parts.diskOf(dirname(path))
    this.#end = Math.max(this.#treeEnd, allocatedEndOf(path))
  }

  /** To be called after each transaction. */
  settle(): void {
    this.#tree = this.#parts.tree()
    this.#end = Math.max(this.#end, this.#treeEnd)
    this.#look()
    if (this.#ahead < this.#reserveBytes) this.#refillLater()
  }

  /** Whether writes that grow the data may go on. If not, `findRoomFor` may find more room. */
  hasRoomFor(growth: Growth): boolean {
    if (Math.abs(growth.journaled - this.#lookedAt) > extensionBytes) {
      this.#look()
      this.#lookedAt = growth.journaled
    }
    return this.#isRoomy || this.#spare(growth) >= bytesOf(growth)
  }

  /** Looks for room on the disk first. */
  async findRoomFor(growth: Growth): Promise<boolean> {
    this.#look()
    if (this.hasRoomFor(growth)) return true
    await this.#extendTo(this.#reserveBytes + bytesOf(growth))
    return this.hasRoomFor(growth)
  }

  /**
   * Makes sure that LMDB can take this many new pages. False: there is no room for them. A write
   * that grows the data leaves the reserve alone. If LMDB has enough free pages, it may use half of
   * the reserve: nobody knows whether these pages are next to each other, as long values need.
   */
  async secure(pages: number, { mayUseReserve }: { mayUseReserve: boolean }): Promise<boolean> {
    const bytes = pages * pageBytes
    const kept = mayUseReserve ? 0 : this.#reserveBytes
    if (this.#failure) throw this.#failure.cause
    this.#look()
    await this.#extendTo(this.#isRoomy ? bytes : bytes + this.#reserveBytes)
    if (mayUseReserve && this.#ahead < bytes) await this.#extendTo(bytes, { toTheEnd: true })
    if (this.#ahead >= bytes + (this.#isRoomy ? 0 : kept)) return true
    return this.#freeBytes >= bytes && this.#ahead >= bytes + this.#reserveBytes / 2
  }

  /** Fills the reserve if that is due. No method may be called after this. */
  async close(): Promise<void> {
    // A failure is not lost: after the next start the first write looks for room too.
    if (this.#refilling) await Promise.allSettled([this.#refill()])
    await Promise.allSettled([this.#extending])
    if (this.#file !== undefined) closeSync(this.#file)
  }

  get #treeEnd(): number {
    return (this.#tree.lastPage + 1) * pageBytes
  }

  get #ahead(): number {
    return this.#disk.writesInPlace ? this.#end - this.#treeEnd : this.#disk.freeBytes
  }

  /** One transaction can touch more pages of a larger file. */
  get #reserveBytes(): number {
    const share = Math.ceil(this.#treeEnd * reserveShare)
    return Math.min(reserveBytesMax, Math.max(reserveBytesMin, share))
  }

  /** Half of the free pages: some may have to wait, others may lie apart. */
  get #freeBytes(): number {
    return (this.#tree.freePages * pageBytes) / 2
  }

  /** With so much free space, the reserve can wait until there is nothing else to do. */
  get #isRoomy(): boolean {
    return !this.#isRefused && this.#disk.freeBytes >= roomyBytesMin
  }

  #spare({ direct }: Growth): number {
    const ahead = Math.max(0, this.#ahead - this.#reserveBytes)
    return this.#ahead >= direct + this.#reserveBytes / 2 ? ahead + this.#freeBytes : ahead
  }

  #look(): void {
    this.#disk = this.#parts.diskOf(dirname(this.#path))
  }

  /** Fills the reserve again if the disk has room. */
  async #refill(): Promise<void> {
    clearTimeout(this.#refilling)
    this.#refilling = undefined
    this.#look()
    await this.#extendTo(this.#reserveBytes, { isSynced: true })
  }

  #refillLater(): void {
    if (!this.#disk.writesInPlace) return
    const refill = (): void => {
      this.#refill().catch((cause) => {
        this.#failure = { cause }
      })
    }
    clearTimeout(this.#refilling)
    this.#refilling = setTimeout(refill, limits.lmdbJournalIdleMs).unref()
  }

  /**
   * Extends the file until so many bytes are ahead, or the disk is full. The last MiB of the disk
   * is left to other files, unless `toTheEnd`.
   */
  #extendTo(ahead: number, how: { toTheEnd?: boolean; isSynced?: boolean } = {}): Promise<void> {
    if (!this.#disk.writesInPlace || this.#ahead >= ahead) return Promise.resolve()
    const extended = this.#extending.then(() => this.#extend(ahead, how))
    this.#extending = extended.catch(() => undefined) // the caller gets the error
    return extended
  }

  /**
   * Without a sync LMDB overwrites the zeros in memory, so that they are not written to the disk
   * first. LMDB's own sync covers all the rest.
   */
  async #extend(ahead: number, { toTheEnd = false, isSynced = !this.#isRoomy }): Promise<void> {
    this.#file ??= openSync(this.#path, 'r+')
    const file = this.#file
    const before = this.#end
    this.#isRefused = false
    try {
      while (this.#ahead < ahead) {
        const length = Math.min(extensionBytes, ahead - this.#ahead)
        if (!toTheEnd && this.#disk.freeBytes < length + leftBytesMin) break
        const written = await this.#parts.writeZeros(file, length, this.#end)
        this.#isRefused = written === 0
        if (this.#isRefused) break
        this.#end += written
        this.#look()
      }
      if (isSynced && this.#end > before) await this.#sync(file, before)
    } catch (error) {
      if (!this.#parts.foundNoRoom(error)) throw error
      this.#isRefused = true
    }
  }

  /** After a failed sync it is unknown whether the new part has room. */
  async #sync(file: number, before: number): Promise<void> {
    const end = this.#end
    this.#end = before
    await this.#parts.sync(file)
    this.#end = Math.max(this.#end, end)
  }
}

function bytesOf({ journaled, direct }: Growth): number {
  return journaled * pagesPerByte + direct
}

/** Where the part of a file ends that has room on the disk. 0: the file has gaps, so look anew. */
function allocatedEndOf(path: string): number {
  const { size, blocks } = statSync(path)
  const blockBytes = 512
  return blocks * blockBytes >= size ? size : 0
}
