import { type Database, open, type RootDatabase } from 'lmdb'
import { EngineError, type Revision } from '../../core/engine/engine.ts'
import { stampedKey } from '../../core/engine/stamp.ts'
import { ReadCache } from './cache.ts'
import { copied, type KeptEntry, LmdbEntry, sealed } from './entry.ts'
import { causeOf, isFull } from './failure.ts'
import { assertRoom, assertSoundFile, hasRoomFor } from './file.ts'
import type { PackedRow } from './half.ts'
import { hashOf } from './index.ts'

/**
 * Each transaction is on disk before it is acknowledged, and an unsynced one is never taken up
 * again after a restore of the volume (`safeRestore`, which lmdb's types leave out). Without event
 * turn batching, which one transaction at a time has no use for, lmdb makes no second promise that
 * nobody could catch when a commit fails.
 * https://github.com/kriszyp/lmdb-js#lmdb-options
 */
const environmentOptions = {
  maxDbs: 4,
  pageSize: 8_192,
  overlappingSync: false,
  safeRestore: true,
  eventTurnBatching: false,
} as const

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const

/**
 * lmdb gives each key and value of a scan a buffer of its own, which costs more than reading them
 * and keeps the garbage collector busy; copies in a pool cost half. (Its types leave these out.)
 * https://github.com/kriszyp/lmdb-js#custom-key-encoding
 */
const pooled = {
  encoding: 'binary',
  encoder: {
    encode: (value: Buffer) => value,
    decode: (shared: Buffer, length: number) => copied(shared, 0, length),
  },
  keyEncoder: {
    writeKey(key: Buffer, target: Buffer, start: number): number {
      target.set(key, start)
      return start + key.length
    },
    readKey: copied,
  },
} as const

const newestKey = Buffer.from('newest')

export const diskFailed =
  'The disk failed while writing; Coatcheck takes no more writes until it is started again.'

interface Databases {
  readonly root: RootDatabase<Buffer, Buffer>
  readonly entries: Database<Buffer, Buffer>
  readonly meta: Database<Buffer, Buffer>
}

/** As lmdb has it: `value` is a packed entry, in bytes of its own. */
export interface StoredRow {
  readonly key: Buffer
  readonly value: Buffer
}

/**
 * The file of LMDB with its two maps: everything that the domain stores, and the engine's own
 * book-keeping.
 */
export class LmdbTables {
  readonly #folder: string
  #databases: Databases
  #reopening: Promise<void> | undefined
  readonly #hashSeed: number
  readonly #cache = new ReadCache()
  #isWriting = false

  /** Throws EngineError `unavailable` or `full` with a sentence for the user. */
  constructor(folder: string, hashSeed: number) {
    assertSoundFile(folder)
    assertRoom(folder)
    this.#folder = folder
    this.#hashSeed = hashSeed
    this.#databases = openDatabases(folder)
  }

  /** What reads have to wait for; undefined: nothing. Rejects where they are over for good. */
  get reopening(): Promise<void> | undefined {
    return this.#reopening
  }

  /** The newest commit in it. */
  newest(): Revision {
    const stamp = reading(() => this.#databases.meta.getBinary(newestKey))
    return stamp ? Number(stamp.readBigUInt64BE()) : 0
  }

  /** `hash` is the key's. */
  read(key: Buffer, hash: number): LmdbEntry | undefined {
    const kept = this.#cache.get(key, hash)
    if (kept) return new LmdbEntry(key, kept.packed, { shared: kept })
    // lmdb reads into one buffer of its own.
    const shared = this.#databases.entries.getBinaryFast(key)
    if (!shared) return undefined
    const entry: KeptEntry = { key: copied(key), packed: copied(shared), isDamaged: undefined }
    // What is being written may be there already, and may not be.
    const isKept = !this.#isWriting && this.#cache.add(hash, entry)
    // Verified later by this key: the caller may have changed its own by then.
    return isKept
      ? new LmdbEntry(key, entry.packed, { shared: entry })
      : new LmdbEntry(entry.key, entry.packed)
  }

  /** A packed entry, in bytes that are the caller's until the next read. */
  glance(key: Buffer, hash: number): Buffer | undefined {
    const kept = this.#cache.get(key, hash)
    if (kept) return kept.packed
    // lmdb's own buffer is longer than the length that it tells.
    const shared = this.#databases.entries.getBinaryFast(key)
    return shared?.subarray(0, shared.length)
  }

  /**
   * What lies at start <= key < end, in order. To be left at once: a reader kept open makes the
   * file grow for good.
   */
  rows(start: Buffer, end: Buffer): Iterable<StoredRow> {
    return this.#databases.entries.getRange({ start, end })
  }

  /**
   * Writes packed entries, which get their checksums, and removes the empty ones, all or none and
   * durably. `newest`: all commits up to it are in LMDB then. Throws EngineError: `full`, after
   * which all is as it was; `unavailable`, after which there is no more to be written.
   */
  async write(rows: readonly PackedRow[], newest?: Revision): Promise<void> {
    assertRoomFor(rows, this.#folder)
    this.#isWriting = true
    for (const { key } of rows) this.#cache.delete(hashOf(key, { seed: this.#hashSeed }))
    try {
      await this.#write(rows, newest)
    } finally {
      this.#isWriting = false
    }
  }

  async #write(rows: readonly PackedRow[], newest: Revision | undefined): Promise<void> {
    const { root, entries, meta } = this.#databases
    try {
      // A child transaction, since an error thrown in a plain one would leave a half-done one. Not
      // a batch that lmdb's thread carries out: what that leaves on its stack goes into what lmdb
      // 3.5.6 tells of a write that failed, and may end the process.
      await root.childTransaction(() => {
        for (const { key, packed } of rows) {
          if (packed.length > 0) entries.put(key, sealed(key, packed))
          else entries.remove(key)
        }
        if (newest !== undefined) meta.put(newestKey, stampedKey(Buffer.alloc(0), newest))
      })
    } catch (error) {
      throw await this.#failureOf(await causeOf(error))
    }
    root.resetReadTxn()
  }

  close(): Promise<void> {
    return this.#databases.root.close()
  }

  /** A full disk leaves LMDB as it was. Anything else ends all writes. */
  async #failureOf(cause: unknown): Promise<EngineError> {
    const isReadable = this.#isReadable()
    const place = { folder: this.#folder, pageBytes: environmentOptions.pageSize }
    if (isReadable && isFull(cause, place)) {
      return new EngineError('full', 'The disk is full.', { cause })
    }
    if (!isReadable) await this.#reopen()
    return new EngineError('unavailable', diskFailed, { applied: 'unknown', cause })
  }

  /** A failed write of its first pages ends LMDB's reads too, until the file is opened anew. */
  #isReadable(): boolean {
    try {
      this.#databases.root.resetReadTxn()
      this.#databases.meta.getBinary(newestKey)
      return true
    } catch {
      return false
    }
  }

  async #reopen(): Promise<void> {
    this.#reopening = this.#databases.root.close().then(() => {
      this.#databases = openDatabases(this.#folder)
    })
    const [opened] = await Promise.allSettled([this.#reopening])
    // Where that fails, reads are refused with the reason from now on.
    if (opened?.status === 'fulfilled') this.#reopening = undefined
  }
}

/**
 * Throws EngineError `unavailable` between a failed write of LMDB's first pages and its being
 * opened anew; `damaged` where LMDB finds that its pages are not what they should be.
 */
export function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof Error) || !cause.message.includes('MDB_')) throw cause
    if (cause.message.includes('MDB_PANIC')) {
      throw new EngineError('unavailable', diskFailed, { cause })
    }
    throw new EngineError('damaged', `The data file is damaged: ${cause.message}.`, { cause })
  }
}

/** What is longer, its key included, lies on pages of its own where those have 8 KiB. */
const pagedBytesMin = 4_000

/**
 * lmdb 3.5.6 writes beyond its memory when it tells that pages of long values found no room. So
 * room for those is looked for before. Throws EngineError `full`.
 */
function assertRoomFor(rows: readonly PackedRow[], folder: string): void {
  let bytes = 0
  for (const { key, packed } of rows) {
    const own = key.length + packed.length
    if (own >= pagedBytesMin) bytes += own
  }
  if (bytes > 0 && !hasRoomFor(folder, bytes)) throw new EngineError('full', 'The disk is full.')
}

/** Throws EngineError `unavailable` with a sentence for the user. */
function openDatabases(folder: string): Databases {
  try {
    const root = open<Buffer, Buffer>({ path: folder, ...environmentOptions, ...binary })
    const entries: Databases['entries'] = root.openDB('entries', pooled)
    return { root, entries, meta: root.openDB('meta', binary) }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `The data in ${folder} can't be opened: ${reason}.`
    throw new EngineError('unavailable', sentence, { cause })
  }
}
