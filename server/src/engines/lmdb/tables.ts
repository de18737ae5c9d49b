import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { EngineError, type Revision } from '../../core/engine/engine.ts'
import { ReadCache } from './entries/cache.ts'
import { copied, type KeptEntry, LmdbEntry, revisionOf, sealed } from './entries/entry.ts'
import { hashOf } from './entries/index.ts'
import { causeOf, foundNoRoom, isFull } from './files/failure.ts'
import { assertRoom, assertSoundFile, assertWritable } from './files/file.ts'
import type { PackedRow } from './journal/journal-half.ts'
import { decodeState, encodeState, type JournalState } from './journal/journal-state.ts'
import { assertSoundPages } from './pages/sound-pages.ts'
import { diskOfFile, preferInPlace } from './room/in-place.ts'
import { type Growth, RoomAhead } from './room/room-ahead.ts'
import { pageBytes, pagesFor, type Tree, treeOf } from './room/tree.ts'

/**
 * Each transaction is on disk before it is acknowledged. `safeRestore` (missing in lmdb's types): a
 * transaction that was not synced is never used again after a restore of the volume. Event turn
 * batching is off: this engine runs one transaction at a time and does not need it, and without it
 * lmdb makes no second promise whose rejection nobody could catch when a commit fails.
 * https://github.com/kriszyp/lmdb-js#lmdb-options
 */
const environmentOptions = {
  maxDbs: 4,
  pageSize: pageBytes,
  overlappingSync: false,
  safeRestore: true,
  eventTurnBatching: false,
  // lmdb's types leave this out. Its default is 0664.
  permissionsMode: 0o600,
} as const

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const

/**
 * By default lmdb allocates a buffer for each key and each value of a scan. That costs more than
 * reading them and keeps the garbage collector busy. Copies in a pool cost half. (lmdb's types
 * leave these options out.)
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

const stateKey = Buffer.from('state')
/** The newest commit, in data of format 2 and earlier. */
const earlyNewestKey = Buffer.from('newest')

export const diskFailed =
  'The disk failed while writing; Coatcheck takes no more writes until it is started again.'

interface Databases {
  readonly root: RootDatabase<Buffer, Buffer>
  readonly entries: Database<Buffer, Buffer>
  readonly meta: Database<Buffer, Buffer>
}

/**
 * What a write may use of a full disk. `grow`: nothing; `shrink`: the room that is kept for it, for
 * writes that free space; `move`: the same, for what the journal holds.
 */
export type WriteUse = 'grow' | 'shrink' | 'move'

/** A row as lmdb returns it. `value` is a packed entry, in bytes that nobody else uses. */
export interface StoredRow {
  readonly key: Buffer
  readonly value: Buffer
}

/**
 * The LMDB file with its two maps: everything that the domain stores, and the engine's own
 * metadata.
 */
export class LmdbTables {
  readonly #folder: string
  #databases: Databases
  #reopening: Promise<void> | undefined
  readonly #hashSeed: number
  readonly #cache = new ReadCache()
  #isWriting = false
  /** Sentences for the operator: damage of the file that hides nothing. */
  readonly notes: readonly string[]
  /** Undefined: the file is only read, and never made longer. */
  readonly #room: RoomAhead | undefined

  /** Throws EngineError `unavailable` or `full` with a sentence for the user. */
  constructor(folder: string, hashSeed: number, { isReadOnly = false } = {}) {
    const holdsPages = assertSoundFile(folder, { isReadOnly })
    // LMDB ends the process if it opens an empty file only to read it.
    if (isReadOnly && !holdsPages && existsSync(join(folder, 'data.mdb'))) {
      throw unopened(folder, new Error(isEmpty))
    }
    this.notes = holdsPages ? assertSoundPages(folder) : []
    if (!isReadOnly) assertRoom(folder)
    if (!isReadOnly && !holdsPages) {
      preferInPlace(folder)
      assertWritable(folder)
    }
    this.#folder = folder
    this.#hashSeed = hashSeed
    this.#databases = openDatabases(folder, { isReadOnly })
    if (isReadOnly) return
    const file = join(folder, 'data.mdb')
    const parts = { tree: () => this.#tree(), foundNoRoom, diskOf: diskOfFile(file) }
    this.#room = new RoomAhead(file, parts)
  }

  /**
   * Reads wait for this promise first; undefined: they need not wait. It rejects if the file can't
   * be reopened: then all reads fail for good.
   */
  get reopening(): Promise<void> | undefined {
    return this.#reopening
  }

  /** Undefined: data of format 2 or earlier, or no data. Throws EngineError if it is damaged. */
  state(): JournalState | undefined {
    const bytes = reading(() => this.#databases.meta.getBinary(stateKey))
    return bytes && decodeState(bytes)
  }

  /** The newest commit that LMDB holds, where there is no state; 0: none. */
  earlyNewest(): Revision {
    const stamp = reading(() => this.#databases.meta.getBinary(earlyNewestKey))
    return stamp ? Number(stamp.readBigUInt64BE()) : 0
  }

  /** The newest revision of all entries, for data whose state can't be read. Reads them all. */
  newestOfEntries(): Revision {
    let newest = 0
    reading(() => {
      for (const { value } of this.#databases.entries.getRange({})) {
        newest = Math.max(newest, revisionOf(value))
      }
    })
    return newest
  }

  /** `hash` is the hash of `key` by `hashOf`. */
  read(key: Buffer, hash: number): LmdbEntry | undefined {
    const kept = this.#cache.get(key, hash)
    if (kept) return new LmdbEntry(key, kept.packed, { shared: kept })
    const packed = reading(() => this.#copyOf(key))
    if (!packed) return undefined
    const entry: KeptEntry = { key: copied(key), packed, isDamaged: undefined }
    // During a write LMDB may return the old or the new entry: do not cache it.
    const isKept = !this.#isWriting && this.#cache.add(hash, entry)
    // The checksum is verified later, with the copied key: the caller may have changed `key` by
    // then.
    return isKept
      ? new LmdbEntry(key, entry.packed, { shared: entry })
      : new LmdbEntry(entry.key, entry.packed)
  }

  /** Returns a packed entry. Its bytes are valid only until the next read. */
  glance(key: Buffer, hash: number): Buffer | undefined {
    const kept = this.#cache.get(key, hash)
    if (kept) return kept.packed
    return reading(() => {
      // lmdb's buffer is longer than the `length` that lmdb sets on it.
      const shared = this.#databases.entries.getBinaryFast(key)
      return shared?.subarray(0, shared.length)
    })
  }

  /** lmdb reads into one buffer, which it uses again for the next read. */
  #copyOf(key: Buffer): Buffer | undefined {
    const shared = this.#databases.entries.getBinaryFast(key)
    return shared && copied(shared)
  }

  /**
   * The rows with start <= key < end, in key order. Read them at once and end the iteration: a
   * reader that stays open makes the file grow for good. Throws EngineError `damaged` if the keys
   * do not ascend within the range: a damaged page may lead back to an earlier one, for ever.
   */
  *rows(start: Buffer, end: Buffer): Generator<StoredRow> {
    let last: Buffer | undefined
    try {
      for (const row of this.#databases.entries.getRange({ start, end })) {
        const isInOrder = last ? last.compare(row.key) < 0 : start.compare(row.key) <= 0
        if (!isInOrder || end.compare(row.key) <= 0) throw outOfOrder()
        last = row.key
        yield row
      }
    } catch (error) {
      throw readFailureOf(error)
    }
  }

  /** Whether the disk has room for writes that grow the data. */
  hasRoomFor(growth: Growth): boolean {
    return this.#room?.hasRoomFor(growth) ?? false
  }

  /** The same; looks for more room first. Throws EngineError `unavailable`. */
  async findRoomFor(growth: Growth): Promise<boolean> {
    if (!this.#room) return false
    return this.#room.findRoomFor(growth).catch((error) => this.#fail(error))
  }

  /**
   * Writes packed entries, with their checksums, and removes the keys whose `packed` is empty. It
   * writes all rows durably, or none, together with the state that is true afterwards. Throws
   * EngineError: `full`, then nothing has changed; `unavailable`, then nothing may be written any
   * more.
   */
  async write(
    rows: readonly PackedRow[],
    state: JournalState,
    use: WriteUse = 'grow',
  ): Promise<void> {
    const parts = { mayUseReserve: use !== 'grow' }
    const secured = this.#room?.secure(pagesFor(rows, this.#tree()), parts) ?? true
    const hasRoom = await Promise.resolve(secured).catch((error) => this.#fail(error))
    if (!hasRoom) throw new EngineError('full', 'The disk is full.')
    this.#isWriting = true
    for (const { key } of rows) this.#cache.delete(hashOf(key, { seed: this.#hashSeed }))
    try {
      await this.#write(rows, state)
      this.#room?.settle()
    } finally {
      this.#isWriting = false
    }
  }

  async #write(rows: readonly PackedRow[], state: JournalState): Promise<void> {
    const { root, entries, meta } = this.#databases
    try {
      // A child transaction: an error thrown in a plain transaction would leave it half done. Not a
      // batch that lmdb's own thread carries out: when such a write fails, lmdb 3.5.6 builds its
      // error from what is left on that thread's stack, which may end the process.
      await root.childTransaction(() => {
        for (const { key, packed } of rows) {
          if (packed.length > 0) entries.put(key, sealed(key, packed))
          else entries.remove(key)
        }
        meta.put(stateKey, encodeState(state))
        meta.remove(earlyNewestKey)
      })
    } catch (error) {
      throw await this.#failureOf(await causeOf(error))
    }
    root.resetReadTxn()
  }

  async close(): Promise<void> {
    await this.#room?.close()
    await this.#databases.root.close()
  }

  #tree(): Tree {
    const { root, entries, meta } = this.#databases
    const [ofEntries, ofMeta] = reading(() => [entries.getStats(), meta.getStats()])
    const tree = treeOf(ofEntries, ofMeta)
    // A reader that stays open would keep pages from being used again.
    root.resetReadTxn()
    return tree
  }

  /** The file could not be made longer, for another reason than a full disk. */
  #fail(cause: unknown): never {
    throw new EngineError('unavailable', diskFailed, { cause })
  }

  /** A full disk leaves LMDB unchanged. Any other failure ends all writes. */
  async #failureOf(cause: unknown): Promise<EngineError> {
    const isReadable = this.#isReadable()
    const place = { folder: this.#folder, pageBytes }
    if (isReadable && isFull(cause, place)) {
      return new EngineError('full', 'The disk is full.', { cause })
    }
    if (!isReadable) await this.#reopen()
    return new EngineError('unavailable', diskFailed, { applied: 'unknown', cause })
  }

  /**
   * After a failed write of its first pages LMDB can't be read either, until the file is reopened.
   */
  #isReadable(): boolean {
    try {
      this.#databases.root.resetReadTxn()
      this.#databases.meta.getBinary(stateKey)
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
    // If this fails, `#reopening` stays rejected, and all reads are refused with its reason.
    if (opened?.status === 'fulfilled') this.#reopening = undefined
  }
}

/** Runs `read`, which only asks lmdb, and turns lmdb's errors into EngineError. */
function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw readFailureOf(error)
  }
}

/**
 * `unavailable` after a failed write of LMDB's first pages, until the file is reopened; `damaged`
 * for every other error: lmdb then found a damaged page, or stumbled over what it read there.
 */
function readFailureOf(cause: unknown): unknown {
  if (cause instanceof EngineError || !(cause instanceof Error)) return cause
  if (cause.message.includes('MDB_PANIC')) {
    return new EngineError('unavailable', diskFailed, { cause })
  }
  return new EngineError('damaged', `The data file is damaged: ${cause.message}.`, { cause })
}

function outOfOrder(): EngineError {
  return new EngineError('damaged', 'The data file is damaged: its keys are out of order.')
}

/** Throws EngineError `unavailable` with a sentence for the user. */
function openDatabases(folder: string, { isReadOnly = false } = {}): Databases {
  let root: Databases['root'] | undefined
  try {
    const readOnly = isReadOnly
    root = open<Buffer, Buffer>({ path: folder, ...environmentOptions, ...binary, readOnly })
    const entries: Databases['entries'] | undefined = root.openDB('entries', pooled)
    const meta: Databases['meta'] | undefined = root.openDB('meta', binary)
    // lmdb's types leave this out. A file that is only read gets no maps.
    if (entries && meta) return { root, entries, meta }
    throw new Error(isEmpty)
  } catch (cause) {
    void root?.close()
    throw unopened(folder, cause)
  }
}

const isEmpty = 'it is empty, because its first start was interrupted'

function unopened(folder: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const sentence = `The data in ${folder} can't be opened: ${reason}.`
  return new EngineError('unavailable', sentence, { cause })
}
