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
import { EngineError } from '../../../core/engine/engine.ts'
import { foundNoRoom } from '../files/failure.ts'
import { encodeHead, headBytes } from './journal-head.ts'

/** Writes `length` bytes of a block, from `offset` on, to `place` in the file. */
export type WriteAt = (
  file: number,
  block: Buffer,
  ...range: readonly [offset: number, length: number, place: number]
) => Promise<{ bytesWritten: number }>

const writeAt: WriteAt = promisify(write)
const syncData = promisify(fdatasync)

/** DO NOT CHANGE: it decides where the second half begins on disk. */
export const halfBytes = 8 * 1_048_576
const fileBytes = headBytes + 2 * halfBytes
/** Written at once when the file is made. */
const zeroBytes = 1_048_576

/**
 * On Linux one call writes and syncs, which saves a trip to another thread. Elsewhere the flag is
 * missing, or promises less than `fdatasync`.
 * https://man7.org/linux/man-pages/man2/open.2.html#NOTES
 */
const canWriteInSync = process.platform === 'linux'

export interface JournalFileParts {
  /** Whether the file is only read, and not created if it is missing. */
  readonly isReadOnly?: boolean
  /** Whether one call writes and syncs. */
  readonly writesInSync?: boolean
  readonly write?: WriteAt
  readonly sync?: (file: number) => Promise<void>
}

/** The journal's file: a head and two halves. All methods throw EngineError. */
export class JournalFile {
  readonly path: string
  /** Whether the file was there. */
  readonly exists: boolean
  readonly #folder: string
  readonly #file: number
  /**
   * The same file, opened so that each write is on disk when it returns; undefined: the system
   * can't.
   */
  readonly #syncedFile: number | undefined
  readonly #writeAt: WriteAt
  readonly #sync: (file: number) => Promise<void>

  constructor(
    folder: string,
    {
      isReadOnly = false,
      writesInSync = canWriteInSync,
      write = writeAt,
      sync = syncData,
    }: JournalFileParts,
  ) {
    this.#folder = folder
    this.#writeAt = write
    this.#sync = sync
    this.path = join(folder, 'journal')
    this.exists = existsSync(this.path)
    this.#file = isReadOnly ? this.#openToRead() : this.#open()
    if (!writesInSync || isReadOnly) return
    try {
      this.#syncedFile = this.#open(constants.O_DSYNC)
    } catch (error) {
      closeSync(this.#file)
      throw error
    }
  }

  /** Whether it has its whole length. */
  get isWhole(): boolean {
    return this.#size >= fileBytes
  }

  get #size(): number {
    return this.#tried(() => fstatSync(this.#file).size)
  }

  readHead(): Buffer {
    return this.#read(0, headBytes)
  }

  /** As many bytes as the file has of this half. */
  readHalf(index: 0 | 1): Buffer {
    return this.#read(startOf(index), halfBytes)
  }

  /**
   * Gives the file its whole length and this seal, its own if it had one, and syncs both and its
   * name: what a start finds may be in the memory of the system alone, if the process before it was
   * killed.
   */
  allocate(seal: Buffer): void {
    this.#tried(() => {
      const zeros = Buffer.alloc(zeroBytes)
      for (let place = this.#size; place < fileBytes; place += zeroBytes) {
        writeWhole(this.#file, zeros.subarray(0, Math.min(zeroBytes, fileBytes - place)), place)
      }
      writeWhole(this.#file, encodeHead(seal), 0)
      fsyncSync(this.#file)
      syncFolder(this.#folder)
    })
  }

  /** Writes the seal, which is on disk when this returns. */
  begin(seal: Buffer): void {
    this.#tried(() => {
      writeWhole(this.#file, encodeHead(seal), 0)
      fsyncSync(this.#file)
    })
  }

  /**
   * Makes a block durable at a place in a half. Throws EngineError: `full`, then it is not there;
   * `unavailable`, then it is unknown whether it is there.
   */
  async write(block: Buffer, half: 0 | 1, place: number): Promise<void> {
    const start = startOf(half) + place
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
      throw this.failureOf(cause, applied)
    }
  }

  close(): void {
    closeSync(this.#file)
    if (this.#syncedFile !== undefined) closeSync(this.#syncedFile)
  }

  failureOf(cause: unknown, applied: 'no' | 'unknown'): EngineError {
    if (cause instanceof EngineError) return cause
    if (applied === 'no' && foundNoRoom(cause)) {
      return new EngineError('full', 'The disk is full.', { cause })
    }
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `The journal ${this.path} can't be used: ${reason}.`
    return new EngineError('unavailable', sentence, { applied: 'unknown', cause })
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

  /** Reads to the end of the file, however often a read ends early. */
  #read(start: number, bytesMax: number): Buffer {
    return this.#tried(() => {
      const there = Math.max(0, this.#size - start)
      const bytes = Buffer.allocUnsafe(Math.min(bytesMax, there))
      let done = 0
      while (done < bytes.length) {
        const count = readSync(this.#file, bytes, done, bytes.length - done, start + done)
        if (count === 0) throw new Error(`it ends at byte ${start + done}, before its length`)
        done += count
      }
      return bytes
    })
  }

  #open(flag = 0): number {
    return this.#tried(() =>
      openSync(this.path, constants.O_RDWR | constants.O_CREAT | flag, 0o600),
    )
  }

  /** A journal that is missing is read as an empty one. */
  #openToRead(): number {
    return this.#tried(() => openSync(this.exists ? this.path : devNull, constants.O_RDONLY))
  }

  #tried<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      throw this.failureOf(cause, 'no')
    }
  }
}

function startOf(half: 0 | 1): number {
  return headBytes + half * halfBytes
}

function syncFolder(folder: string): void {
  const directory = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function writeWhole(file: number, bytes: Buffer, place: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, place + done)
  }
}
