import { type Database, open, type RootDatabase } from 'lmdb'
import { asBuffer } from '../core/bytes.ts'
import { addToCounter, decodeCounter, encodeCounter } from '../core/counter.ts'
import type {
  AtomicWrite,
  Bytes,
  Commit,
  EngineLimits,
  Entry,
  KeyRange,
  Page,
  Revision,
  ScanBound,
} from '../core/engine.ts'
import { EngineError } from '../core/engine.ts'
import type { EngineHealth, InstalledEngine } from '../core/installed-engine.ts'
import { Newest } from '../core/newest.ts'
import { stampedKey } from '../core/stamp.ts'
import { measureRestore, measureWrite } from '../core/write-rules.ts'
import { contentOf, isCounter, LmdbEntry, pack, packedKind, revisionOf } from './lmdb-entry.ts'
import { causeOf, isFull } from './lmdb-failure.ts'
import { assertRoom, assertSoundFile, roomNotes } from './lmdb-file.ts'
import { Pace } from './lmdb-pace.ts'

const limits: EngineLimits = {
  keyBytesMax: 4_026, // what LMDB allows with pages of 8 KiB
  valueBytesMax: 2 * 1_048_576,
  commitBytesMax: 32 * 1_048_576,
}

/** A group's writers share its sync, and its fate: it is no larger than this. */
const groupBytesMax = 8 * 1_048_576

/** Above this many entries a scan first lets waiting requests go ahead. */
const scanEntriesUnyielded = 256

/**
 * Each commit is on disk before it is acknowledged, and an unsynced one is never taken up again
 * after a restore of the volume (`safeRestore`, which lmdb's types leave out). Without event turn
 * batching, which one transaction at a time has no use for, lmdb makes no second promise that
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

const newestKey = Buffer.from('newest')

const diskFailed =
  'The disk failed while writing; Coatcheck takes no more writes until it is started again.'

interface Member {
  readonly write: AtomicWrite
  readonly bytes: number
  resolve(commit: Commit): void
  reject(error: unknown): void
}

type Decision = Commit | EngineError

/**
 * The two maps of the file: everything that the domain stores, and the engine's own book-keeping.
 */
interface Tables {
  readonly root: RootDatabase<Buffer, Buffer>
  readonly entries: Database<Buffer, Buffer>
  readonly meta: Database<Buffer, Buffer>
}

/**
 * LMDB on one machine: an ordered map in one memory-mapped file, durable by one fdatasync a group.
 *
 * Throws EngineError `unavailable` where the folder holds no sound LMDB file, `full` where there is
 * no room for a new one. After a failed sync it takes no more writes until it is opened again: the
 * operating system may have dropped the pages.
 */
export class LmdbEngine implements InstalledEngine {
  readonly limits = limits
  readonly #folder: string
  #tables: Tables
  readonly #newest: Newest
  readonly #waiting: Member[] = []
  #flushing: Promise<void> | undefined
  readonly #pace = new Pace(() => performance.now())
  #fault: EngineError | undefined
  #reopening: Promise<void> | undefined
  #closed = false

  /** `folder` must exist. */
  constructor(folder: string) {
    assertSoundFile(folder)
    assertRoom(folder)
    this.#folder = folder
    this.#tables = openTables(folder)
    const newest = reading(() => this.#tables.meta.getBinary(newestKey))
    this.#newest = new Newest(newest ? Number(newest.readBigUInt64BE()) : 0)
  }

  async get(keys: readonly Bytes[]): Promise<(Entry | undefined)[]> {
    if (this.#reopening) await this.#reopening
    this.#assertOpen()
    return reading(() => keys.map((key) => this.#read(asBuffer(key))))
  }

  async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    if (bound.limit > scanEntriesUnyielded) await new Promise(setImmediate)
    if (this.#reopening) await this.#reopening
    this.#assertOpen()
    return reading(() => this.#page(range, bound))
  }

  commit(write: AtomicWrite): Promise<Commit> {
    return new Promise((resolve, reject) => {
      this.#assertOpen()
      if (this.#fault) throw this.#fault
      const bytes = measureWrite(write, limits)
      this.#waiting.push({ write, bytes, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** See `InstalledEngine.restore`. */
  async restore(entries: readonly Entry[], newest: Revision): Promise<void> {
    this.#assertOpen()
    if (this.#fault) throw this.#fault
    measureRestore(entries, { newest, limits })
    const { root, meta, entries: table } = this.#tables
    try {
      await root.childTransaction(() => {
        for (const { key, value, revision, isCounter } of entries) {
          const kind = isCounter ? packedKind.counter : packedKind.value
          const name = asBuffer(key)
          table.put(name, pack({ kind, key: name, revision, value }))
        }
        meta.put(newestKey, stampOf(Math.max(newest, this.#newest.revision)))
      })
    } catch (error) {
      throw await this.#failureOf(await causeOf(error))
    }
    root.resetReadTxn()
    this.#newest.advance(newest)
  }

  async newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    this.#assertOpen()
    return this.#newest.newerThan(revision, signal)
  }

  async health(): Promise<EngineHealth> {
    const whyNot = this.#closed ? 'The engine is closed.' : this.#fault?.message
    return { whyNot, durability: 'single', notes: roomNotes(this.#folder), now: undefined }
  }

  /** Waits for the commits in flight. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#newest.close()
    await this.#flushing
    await this.#tables.root.close()
  }

  #read(name: Buffer): Entry | undefined {
    const shared = this.#tables.entries.getBinaryFast(name)
    if (!shared) return undefined
    // lmdb reads into one buffer of its own. A copy in a pool is cheaper than a buffer of its own.
    const packed = Buffer.allocUnsafe(shared.length)
    shared.copy(packed, 0, 0, shared.length)
    return new LmdbEntry(name, packed)
  }

  /** Copied here and now: a reader kept open would make the file grow for good. */
  #page(range: KeyRange, bound: ScanBound): Page {
    const entries: Entry[] = []
    let bytes = 0
    const rows = this.#tables.entries.getRange({
      start: asBuffer(range.start),
      end: asBuffer(range.end),
      limit: bound.limit + 1,
    })
    for (const { key, value } of rows) {
      if (entries.length >= bound.limit || bytes >= bound.bytes) return { entries, more: true }
      entries.push(new LmdbEntry(key, value))
      bytes += key.length + value.length
    }
    return { entries, more: false }
  }

  /** One group after the other: what arrives while one is in flight forms the next. */
  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#commitNext()
    } finally {
      this.#flushing = undefined
    }
  }

  /** Who belongs to the group is decided when its transaction begins, as late as can be. */
  async #commitNext(): Promise<void> {
    let group: readonly Member[] | undefined
    try {
      // A child transaction, since an error thrown in a plain one would leave a half-done group
      // behind.
      const { decisions, newest } = await this.#tables.root.childTransaction(() => {
        group = this.#takeGroup()
        const decided = this.#decide(group)
        this.#pace.decided(group.length)
        return decided
      })
      this.#tables.root.resetReadTxn()
      this.#newest.advance(newest)
      for (const [index, member] of group?.entries() ?? []) settle(member, decisions[index])
    } catch (error) {
      refuse(group ?? this.#takeGroup(), await this.#failureOf(await causeOf(error)))
    }
    this.#pace.concluded()
  }

  #takeGroup(): Member[] {
    let bytes = 0
    let count = 0
    const countMax = this.#pace.countFor(this.#waiting.length)
    for (const member of this.#waiting) {
      if (count > 0 && (count >= countMax || bytes + member.bytes > groupBytesMax)) break
      bytes += member.bytes
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  /** A full disk leaves LMDB as it was before the group. Anything else ends all writes. */
  async #failureOf(cause: unknown): Promise<EngineError> {
    const isReadable = this.#isReadable()
    if (
      isReadable &&
      isFull(cause, { folder: this.#folder, pageBytes: environmentOptions.pageSize })
    ) {
      return new EngineError('full', 'The disk is full.', { cause })
    }
    this.#fault = new EngineError('unavailable', diskFailed, { cause })
    if (!isReadable) await this.#reopen()
    return new EngineError('unavailable', diskFailed, { applied: 'unknown', cause })
  }

  /** A failed write of its first pages ends LMDB's reads too, until the file is opened anew. */
  #isReadable(): boolean {
    try {
      this.#tables.root.resetReadTxn()
      this.#tables.meta.getBinary(newestKey)
      return true
    } catch {
      return false
    }
  }

  async #reopen(): Promise<void> {
    this.#reopening = this.#tables.root.close().then(() => {
      this.#tables = openTables(this.#folder)
    })
    const [opened] = await Promise.allSettled([this.#reopening])
    // Where that fails, reads are refused with the reason from now on.
    if (opened?.status === 'fulfilled') this.#reopening = undefined
  }

  #decide(group: readonly Member[]): { decisions: Decision[]; newest: Revision } {
    let newest = this.#newest.revision
    const decisions = group.map(({ write }): Decision => {
      if (this.#fault) return this.#fault
      const decision = this.#attempt(write, newest + 1)
      if (!(decision instanceof EngineError) && decision.applied) newest = decision.revision
      return decision
    })
    if (newest > this.#newest.revision) this.#tables.meta.put(newestKey, stampOf(newest))
    return { decisions, newest }
  }

  /** A refused member leaves its neighbours in the group alone. */
  #attempt(write: AtomicWrite, revision: Revision): Decision {
    try {
      return this.#apply(write, revision)
    } catch (error) {
      if (error instanceof EngineError) return error
      throw error
    }
  }

  #apply(write: AtomicWrite, revision: Revision): Commit {
    for (const check of write.checks ?? []) {
      const packed = this.#tables.entries.getBinaryFast(asBuffer(check.key))
      if ((packed && revisionOf(packed)) !== check.revision) return { applied: false }
    }
    const totals = this.#totalsAfter(write)
    for (const key of write.deletes ?? []) this.#tables.entries.remove(asBuffer(key))
    for (const { key, value, stamped } of write.puts ?? []) {
      const name = stamped ? stampedKey(key, revision) : asBuffer(key)
      this.#tables.entries.put(name, pack({ kind: packedKind.value, key: name, revision, value }))
    }
    for (const { key, value } of totals) {
      this.#tables.entries.put(key, pack({ kind: packedKind.counter, key, revision, value }))
    }
    return { applied: true, revision }
  }

  /** Worked out before anything is written, so that a refusal leaves nothing behind. */
  #totalsAfter(write: AtomicWrite): { key: Buffer; value: Buffer }[] {
    return (write.sums ?? []).map(({ key, delta }) => {
      const name = asBuffer(key)
      const packed = this.#tables.entries.getBinary(name)
      if (packed && !isCounter(packed)) throw new EngineError('refused', 'This key holds a value.')
      const total = addToCounter(decodeCounter(packed && contentOf(packed)), delta)
      return { key: name, value: encodeCounter(total) }
    })
  }

  #assertOpen(): void {
    if (this.#closed) throw new EngineError('closed', 'The engine is closed.')
  }
}

function settle(member: Member, decision: Decision | undefined): void {
  if (decision === undefined || decision instanceof EngineError) member.reject(decision)
  else member.resolve(decision)
}

function refuse(group: readonly Member[], failure: EngineError): void {
  for (const member of group) member.reject(failure)
}

/** Throws EngineError `unavailable` with a sentence for the user. */
function openTables(folder: string): Tables {
  const options = { encoding: 'binary', keyEncoding: 'binary' } as const
  try {
    const root = open<Buffer, Buffer>({ path: folder, ...environmentOptions, ...options })
    const openTable = (name: string): Database<Buffer, Buffer> => root.openDB(name, options)
    return { root, entries: openTable('entries'), meta: openTable('meta') }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `The data in ${folder} can't be opened: ${reason}.`
    throw new EngineError('unavailable', sentence, { cause })
  }
}

/** Throws EngineError `damaged` where LMDB finds that its pages are not what they should be. */
function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof Error) || !cause.message.startsWith('MDB_')) throw cause
    throw new EngineError('damaged', `The data file is damaged: ${cause.message}.`, { cause })
  }
}

function stampOf(revision: Revision): Buffer {
  return stampedKey(Buffer.alloc(0), revision)
}
