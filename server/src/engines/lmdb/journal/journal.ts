import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  write,
  writeSync,
} from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EngineError, type Revision } from '../../../core/engine/engine.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { foundNoRoom } from '../files/failure.ts'
import { JournalHalf, type Room, sealBytes } from './journal-half.ts'

/** Writes `length` bytes of a block, from `offset` on, to `place` in the file. */
export type WriteAt = (
  file: number,
  block: Buffer,
  ...range: readonly [offset: number, length: number, place: number]
) => Promise<{ bytesWritten: number }>

const writeAt: WriteAt = promisify(write)
const syncData = promisify(fdatasync)

/** Where the first half begins, behind the seal. DO NOT CHANGE: it is on disk. */
const headBytes = 4_096
/**
 * The most that a half holds. DO NOT CHANGE `bytes`: it decides where the second half begins on
 * disk.
 */
const halfRoom: Room = { bytes: 8 * 1_048_576, entries: limits.lmdbJournalHalfEntriesMax }

/**
 * On Linux one call writes and syncs, which saves a trip to another thread. Elsewhere the flag is
 * missing, or promises less than `fdatasync`.
 * https://man7.org/linux/man-pages/man2/open.2.html#NOTES
 */
const canWriteInSync = process.platform === 'linux'

export interface JournalParts {
  /** The newest commit that LMDB holds. */
  readonly newest: Revision
  readonly hashSeed: number
  /** Whether the file is only read, and not created if it is missing. */
  readonly isReadOnly?: boolean
  /** Whether one call writes and syncs. */
  readonly writesInSync?: boolean
  readonly write?: WriteAt
  readonly sync?: (file: number) => Promise<void>
}

/**
 * The file that makes commits durable before LMDB has them. A group costs one synced write here,
 * while LMDB would write every page that the group touches. The file has two halves. While one is
 * filled, the content of the other is moved into LMDB; then that half is overwritten. The content
 * of the file is in memory as well, and is found before LMDB's.
 */
export class Journal {
  readonly path: string
  readonly #file: number
  /**
   * The same file, opened so that each write is on disk when it returns; undefined: the system
   * can't.
   */
  readonly #syncedFile: number | undefined
  readonly #writeAt: WriteAt
  readonly #sync: (file: number) => Promise<void>
  readonly #seal: Buffer
  readonly #halves: readonly [JournalHalf, JournalHalf]
  #current: 0 | 1 = 0

  /** Opens the journal of a folder, or creates it. Throws EngineError. */
  constructor(
    folder: string,
    {
      newest,
      hashSeed,
      isReadOnly = false,
      writesInSync = canWriteInSync,
      write = writeAt,
      sync = syncData,
    }: JournalParts,
  ) {
    this.#writeAt = write
    this.#sync = sync
    this.#halves = [new JournalHalf(halfRoom, hashSeed), new JournalHalf(halfRoom, hashSeed)]
    this.path = join(folder, 'journal')
    this.#file = isReadOnly ? this.#openToRead() : this.#open()
    try {
      if (writesInSync && !isReadOnly) this.#syncedFile = this.#open(constants.O_DSYNC)
      const createSeal = (): Buffer => (isReadOnly ? noSeal : writeSeal(this.#file, folder))
      this.#seal = readSeal(this.#file) ?? createSeal()
      this.#load(newest)
    } catch (error) {
      this.close()
      throw error instanceof EngineError ? error : this.#failureOf(error, 'no')
    }
  }

  /** The half that is being filled. */
  get fresh(): JournalHalf {
    return this.#halves[this.#current]
  }

  /** The other half: it is being moved into LMDB, or was moved. */
  get moving(): JournalHalf {
    return this.#halves[1 - this.#current] as JournalHalf
  }

  /**
   * Makes the draft of the fresh half durable, and then visible. Throws EngineError: `full`, then
   * the draft is not applied; `unavailable`, then it is unknown whether the draft is applied, and
   * nothing may be appended any more.
   */
  async append(commits: { before: Revision; newest: Revision }): Promise<void> {
    const half = this.fresh
    const block = half.seal(this.#seal, commits)
    const start = headBytes + this.#current * halfRoom.bytes + half.end
    try {
      await this.#write(block, start)
    } catch (error) {
      half.dropDraft()
      throw error
    }
    half.keep(commits.newest)
  }

  async #write(block: Buffer, start: number): Promise<void> {
    let applied: 'no' | 'unknown' = 'no'
    try {
      const file = this.#syncedFile ?? this.#file
      for (let done = 0; done < block.length; ) {
        const rest = block.length - done
        done += (await this.#writeAt(file, block, done, rest, start + done)).bytesWritten
      }
      applied = 'unknown'
      if (this.#syncedFile === undefined) await this.#sync(this.#file)
    } catch (cause) {
      // The whole block may be on disk: then only its sync failed.
      if (applied === 'no' && this.#holds(block, start)) applied = 'unknown'
      throw this.#failureOf(cause, applied)
    }
  }

  /** Whether the file holds the whole block at `start`. */
  #holds(block: Buffer, start: number): boolean {
    const there = Buffer.alloc(block.length)
    try {
      readSync(this.#file, there, 0, block.length, start)
    } catch {
      return true // unknown: it may be there
    }
    return there.equals(block)
  }

  /** Switches to the other half and overwrites it: its content must be in LMDB by now. */
  turn(): void {
    this.#current = this.#current === 0 ? 1 : 0
    this.fresh.empty()
  }

  close(): void {
    closeSync(this.#file)
    if (this.#syncedFile !== undefined) closeSync(this.#syncedFile)
  }

  #open(flag = 0): number {
    try {
      return openSync(this.path, constants.O_RDWR | constants.O_CREAT | flag, 0o600)
    } catch (cause) {
      throw this.#failureOf(cause, 'no')
    }
  }

  /** A journal that is missing is read as an empty one. */
  #openToRead(): number {
    try {
      return openSync(existsSync(this.path) ? this.path : devNull, constants.O_RDONLY)
    } catch (cause) {
      throw this.#failureOf(cause, 'no')
    }
  }

  /** After a kill both halves may hold commits that LMDB does not have. */
  #load(newest: Revision): void {
    const bytes = this.#halves.map((_, index) => this.#read(index))
    const loaded = this.#halves.map((half, index) => {
      const before = half.load(bytes[index] ?? nothing, this.#seal)
      if (half.newest <= newest) half.empty()
      return half.isEmpty ? undefined : before
    })
    const [first, second] = loaded
    const isFirstNewer = first !== undefined && (second === undefined || second < first)
    this.#current = isFirstNewer || second === undefined ? 0 : 1
    let reached = newest
    for (const index of [1 - this.#current, this.#current]) {
      const before = loaded[index]
      if (before === undefined) continue
      if (before !== reached) throw this.#gap(reached, before)
      reached = this.#halves[index]?.newest ?? reached
    }
    const behind = this.#halves.map((half, at) =>
      half.latestBehind(bytes[at] ?? nothing, this.#seal),
    )
    const latest = Math.max(...behind)
    if (latest > reached) throw this.#gap(reached, latest)
  }

  #read(index: number): Buffer {
    const start = headBytes + index * halfRoom.bytes
    const there = Math.max(0, fstatSync(this.#file).size - start)
    const bytes = Buffer.allocUnsafe(Math.min(halfRoom.bytes, there))
    return bytes.subarray(0, readSync(this.#file, bytes, 0, bytes.length, start))
  }

  #gap(newest: Revision, before: Revision): EngineError {
    const missing = `the commits after revision ${newest} up to ${before} are missing`
    return new EngineError('unavailable', `The journal ${this.path} is damaged: ${missing}.`)
  }

  #failureOf(cause: unknown, applied: 'no' | 'unknown'): EngineError {
    if (applied === 'no' && foundNoRoom(cause)) {
      return new EngineError('full', 'The disk is full.', { cause })
    }
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `The journal ${this.path} can't be used: ${reason}.`
    return new EngineError('unavailable', sentence, { applied: 'unknown', cause })
  }
}

const nothing = Buffer.alloc(0)
/** Of a file that has none: it has no blocks either. */
const noSeal = Buffer.alloc(sealBytes)

function readSeal(file: number): Buffer | undefined {
  const seal = Buffer.alloc(sealBytes)
  return readSync(file, seal, 0, sealBytes, 0) === sealBytes ? seal : undefined
}

/** Creates the seal. It is synced to disk before any block is written. */
function writeSeal(file: number, folder: string): Buffer {
  const seal = randomBytes(sealBytes)
  writeSync(file, seal, 0, sealBytes, 0)
  fsyncSync(file)
  const directory = openSync(folder, constants.O_RDONLY)
  fsyncSync(directory)
  closeSync(directory)
  return seal
}
