import { randomInt } from 'node:crypto'
import {
  type AtomicWrite,
  type Commit,
  EngineError,
  type EngineLimits,
  type Entry,
  type KeyRange,
  type Page,
  type Revision,
  type ScanBound,
} from '../../core/engine/engine.ts'
import type {
  EngineHealth,
  InstalledEngine,
  OpeningReport,
} from '../../core/engine/installed-engine.ts'
import { Newest } from '../../core/engine/newest.ts'
import { measureRestore, measureWrite } from '../../core/engine/write-rules.ts'
import type { Awaitable } from '../../core/kernel/awaitable.ts'
import { asBuffer, type Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import { isCounter, isIntact, LmdbEntry, pack, packedKind, RemovedEntry } from './entries/entry.ts'
import { hashOf } from './entries/index.ts'
import { merged } from './entries/merge.ts'
import { diskRoomOf } from './files/file.ts'
import { GroupSizer } from './group-sizer.ts'
import { GroupDraft, roomOf } from './journal/group-draft.ts'
import { Journal } from './journal/journal.ts'
import type { JournalFileParts } from './journal/journal-file.ts'
import { JournalHalf, type Room, type Row } from './journal/journal-half.ts'
import { JournalMoves } from './journal-moves.ts'
import { openingOf, stateOf } from './opening.ts'
import { mayUseReserve } from './room/reserve.ts'
import { LmdbTables, type StoredRow } from './tables.ts'

const engineLimits: EngineLimits = {
  keyBytesMax: 4_026, // what LMDB allows with pages of 8 KiB
  valueBytesMax: limits.entryValueBytesMax,
  commitBytesMax: limits.commitBytesMax,
}

type Decision = Commit | EngineError

export interface LmdbOptions {
  /** Keys that are moved from the journal into LMDB in one transaction. */
  readonly movedAtOnce?: number
  /**
   * Nothing is written, not even to move what the journal holds; commits and restores are refused.
   * The folder may then be on a read-only disk.
   */
  readonly isReadOnly?: boolean
  /** See `JournalParts`. */
  readonly givesUp?: boolean | undefined
  /** How the journal's file is written; tests replace it by one that fails. */
  readonly journalFile?: Pick<JournalFileParts, 'write'>
}

interface Member {
  readonly write: AtomicWrite
  readonly bytes: number
  resolve(commit: Commit): void
  reject(error: unknown): void
}

/**
 * LMDB on one machine: an ordered map in one memory-mapped file, with a journal in front of it. One
 * synced write to the journal makes a group of commits durable. The content of the journal is kept
 * in memory as well, and found before LMDB's, until it is moved into LMDB.
 *
 * Throws EngineError `unavailable` if the LMDB file or the journal in the folder is damaged, `full`
 * if there is no room for a new one. After a failed sync it takes no more writes until it is opened
 * again: the operating system may have dropped the pages.
 */
export class LmdbEngine implements InstalledEngine {
  readonly limits = engineLimits
  readonly isShared = false
  readonly opening: OpeningReport
  readonly #folder: string
  readonly #isReadOnly: boolean
  readonly #hashSeed: number
  readonly #tables: LmdbTables
  readonly #journal: Journal
  readonly #newest: Newest
  readonly #moves: JournalMoves
  readonly #waiting: Member[] = []
  readonly #pace = new GroupSizer(() => performance.now())
  #working: Promise<void> | undefined
  #idle: NodeJS.Timeout | undefined
  #closed = false
  /** Whether the disk is full: then only writes that may use its reserve are taken. */
  #isFull = false

  /** `folder` must exist. */
  constructor(folder: string, options: LmdbOptions = {}) {
    const { movedAtOnce = limits.lmdbMovedEntriesMax, isReadOnly = false, givesUp } = options
    this.#folder = folder
    this.#isReadOnly = isReadOnly
    const hashSeed = randomInt(2 ** 31)
    this.#hashSeed = hashSeed
    this.#tables = new LmdbTables(folder, hashSeed, { isReadOnly })
    try {
      const { state, held, findings } = stateOf(this.#tables, { givesUp })
      const file = { ...options.journalFile, isReadOnly }
      this.#journal = new Journal(folder, { state, newest: held, hashSeed, givesUp, ...file })
      const dropped = this.#journal.dropped ?? state?.dropped
      const parts = { tables: this.#tables, journal: this.#journal, held, dropped }
      this.#moves = new JournalMoves({ ...parts, atOnce: movedAtOnce })
      this.opening = openingOf({ ...parts, findings: [...this.#tables.notes, ...findings] })
    } catch (error) {
      void this.#tables.close()
      throw error
    }
    const { fresh, moving } = this.#journal
    this.#newest = new Newest(Math.max(this.#moves.held, moving.newest, fresh.newest))
    // Ignore a failure: the next commit tries again, and reports it.
    const begin = async (): Promise<void> => void (await Promise.allSettled([this.#moves.begin()]))
    if (!isReadOnly) this.#working = this.#work(begin)
  }

  get(keys: readonly Bytes[]): Awaitable<(Entry | undefined)[]> {
    const { reopening } = this.#tables
    if (reopening) return reopening.then(() => this.get(keys))
    this.#assertOpen()
    return keys.map((key) => this.#read(asBuffer(key)))
  }

  async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    if (bound.limit > limits.lmdbUnyieldedScanEntriesMax) await new Promise(setImmediate)
    if (this.#tables.reopening) await this.#tables.reopening
    this.#assertOpen()
    return this.#page(range, bound)
  }

  commit(write: AtomicWrite): Promise<Commit> {
    return new Promise((resolve, reject) => {
      this.#assertWritable()
      const bytes = measureWrite(write, engineLimits)
      this.#waiting.push({ write, bytes, resolve, reject })
      this.#working ??= this.#work(() => this.#commitWaiting())
    })
  }

  /** See `InstalledEngine.restore`. */
  async restore(entries: readonly Entry[], newest: Revision): Promise<void> {
    this.#assertWritable()
    measureRestore(entries, { newest, limits: engineLimits })
    while (this.#working) await Promise.allSettled([this.#working])
    this.#working = this.#work(async () => {
      await this.#moves.begin()
      await this.#moves.moveAll()
      const rows = entries.map(({ key, value, revision, isCounter }) => {
        const kind = isCounter ? packedKind.counter : packedKind.value
        return { key: asBuffer(key), packed: pack({ kind, revision, value }) }
      })
      const revision = Math.max(newest, this.#newest.revision)
      await this.#moves.store(rows, revision, rows.length === 0 ? 'shrink' : 'grow')
      this.#newest.advance(revision)
    })
    await this.#working
  }

  /** See `InstalledEngine.moveOn`. LMDB then holds all that the journal held. */
  moveOn(floorOf: (newest: Revision) => Revision): Promise<void> {
    return this.restore([], floorOf(this.#newest.revision))
  }

  async newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    this.#assertOpen()
    return this.#newest.newerThan(revision, signal)
  }

  async health(): Promise<EngineHealth> {
    const whyNot = this.#closed ? 'The engine is closed.' : this.#moves.fault?.message
    return { whyNot, durability: 'single', now: undefined, ...diskRoomOf(this.#folder) }
  }

  /** Waits for the commits in flight, and moves the content of the journal into LMDB. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#newest.close()
    clearTimeout(this.#idle)
    while (this.#working) await Promise.allSettled([this.#working])
    // After a fault the rest stays in the journal. A move that still runs uses LMDB: wait for it.
    const isLeft = this.#moves.fault !== undefined || !this.#moves.hasBegun
    await Promise.allSettled([isLeft ? this.#moves.settled() : this.#moves.end()])
    await this.#tables.close()
    this.#journal.close()
  }

  #read(key: Buffer): Entry | undefined {
    const { fresh, moving } = this.#journal
    const hash = hashOf(key, { seed: this.#hashSeed })
    for (const half of [fresh, moving]) {
      const entry = half.isEmpty ? 0 : half.find(key, hash)
      if (entry > 0) return half.entryOf(key, entry)
    }
    return this.#tables.read(key, hash)
  }

  /** Returns a packed entry. Its bytes are shared and valid only until the next read. */
  #packedOf(key: Buffer, hash: number): Buffer | undefined {
    const { fresh, moving } = this.#journal
    for (const half of [fresh, moving]) {
      const entry = half.find(key, hash)
      if (entry === 0) continue
      const packed = half.packedOf(entry)
      return packed.length > 0 ? packed : undefined
    }
    const packed = this.#tables.glance(key, hash)
    // A sum would give a damaged total a right checksum.
    if (packed && isCounter(packed) && !isIntact(key, packed)) {
      throw new EngineError('damaged', 'A counter in the data file is damaged.')
    }
    return packed
  }

  /** Copies the page without a pause: a reader that stays open makes the file grow for good. */
  #page(range: KeyRange, bound: ScanBound): Page {
    const entries: Entry[] = []
    let bytes = 0
    for (const row of this.#rows(range)) {
      if (row instanceof RemovedEntry) continue
      if (entries.length >= bound.limit || bytes >= bound.bytes) return { entries, more: true }
      const entry = row instanceof LmdbEntry ? row : new LmdbEntry(row.key, row.value)
      entries.push(entry)
      bytes += entry.bytes
    }
    return { entries, more: false }
  }

  #rows({ start, end }: KeyRange): Iterable<Row | StoredRow> {
    let all: Iterable<Row | StoredRow> = this.#tables.rows(asBuffer(start), asBuffer(end))
    for (const half of [this.#journal.moving, this.#journal.fresh]) {
      if (half.hasRows({ start, end })) all = merged(half.rows({ start, end }), all)
    }
    return all
  }

  /** Runs one piece of work at a time. Commits that arrive meanwhile wait for its end. */
  #work(work: () => Promise<void>): Promise<void> {
    return work().finally(() => {
      this.#working = undefined
      if (this.#waiting.length > 0) this.#working = this.#work(() => this.#commitWaiting())
    })
  }

  async #commitWaiting(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commitNext()
    if (this.#closed) return
    this.#idle ??= setTimeout(() => this.#rest(), limits.lmdbJournalIdleMs).unref()
  }

  #rest(): void {
    this.#idle = undefined
    // Ignore a failure: the next commit that needs the room fails too and reports it.
    this.#working ??= this.#work(async () => void (await Promise.allSettled([this.#moves.turn()])))
  }

  async #commitNext(): Promise<void> {
    const group = this.#takeGroup()
    try {
      const decisions = await this.#commitAll(group)
      for (const [index, member] of group.entries()) settle(member, decisions[index])
    } catch (error) {
      for (const member of group) member.reject(error)
    }
    this.#pace.concluded()
  }

  /**
   * Writes a group into the journal, or straight into LMDB if it is too large or finds no room
   * there.
   */
  async #commitAll(group: readonly Member[]): Promise<Decision[]> {
    if (this.#tables.reopening) await this.#tables.reopening
    if (!this.#moves.hasBegun) await this.#moves.begin()
    const room = roomOf(group)
    const isDirect = room.bytes > limits.lmdbJournaledGroupBytesMax
    const journaled = this.#journal.fresh.end + this.#journal.moving.end
    const growth = isDirect
      ? { journaled, direct: room.bytes }
      : { journaled: journaled + room.bytes, direct: 0 }
    this.#isFull = !this.#tables.hasRoomFor(growth) && !(await this.#tables.findRoomFor(growth))
    if (isDirect) return this.#write(group, room)
    if (!this.#journal.fresh.fits(room)) await this.#moves.turn()
    try {
      return await this.#append(group)
    } catch (error) {
      if (!(error instanceof EngineError) || error.failure !== 'full') throw error
      return this.#write(group, room)
    }
  }

  async #append(group: readonly Member[]): Promise<Decision[]> {
    const { draft, decisions } = this.#decide(group, this.#journal.fresh)
    if (!draft.isEmpty) await this.#moves.written(this.#journal.append(draft))
    this.#newest.advance(draft.newest)
    return decisions
  }

  /**
   * Writes a group straight into LMDB. If it finds no room, the writes of the group that may use
   * the reserve are tried again without the others.
   */
  async #write(group: readonly Member[], room: Room): Promise<Decision[]> {
    try {
      return await this.#writeOnce(group, room)
    } catch (error) {
      const isFull = error instanceof EngineError && error.failure === 'full'
      if (!isFull || this.#isFull) throw error
      this.#isFull = true
      return this.#writeOnce(group, room)
    }
  }

  /** Writes a group after everything that the journal holds. */
  async #writeOnce(group: readonly Member[], room: Room): Promise<Decision[]> {
    await this.#moves.moveAll()
    const half = new JournalHalf(room, this.#hashSeed)
    const { draft, decisions } = this.#decide(group, half)
    half.keep(draft.newest)
    const rows = [...half.packedRows()]
    const use = this.#isFull ? 'shrink' : 'grow'
    if (!draft.isEmpty) await this.#moves.store(rows, draft.newest, use)
    this.#newest.advance(draft.newest)
    return decisions
  }

  #decide(
    group: readonly Member[],
    half: JournalHalf,
  ): { draft: GroupDraft; decisions: Decision[] } {
    const hashSeed = this.#hashSeed
    const read = (key: Buffer, hash: number): Buffer | undefined => this.#packedOf(key, hash)
    const draft = new GroupDraft(this.#newest.revision, { half, hashSeed, read })
    const decide = (write: AtomicWrite): Decision =>
      this.#isFull && !mayUseReserve(write)
        ? new EngineError('full', 'The disk is full.')
        : draft.decide(write)
    const decisions = group.map(({ write }) => this.#moves.fault ?? decide(write))
    this.#pace.decided(group.length)
    return { draft, decisions }
  }

  #takeGroup(): Member[] {
    let bytes = 0
    let count = 0
    const countMax = this.#pace.countFor(this.#waiting.length)
    for (const member of this.#waiting) {
      if (count > 0 && (count >= countMax || bytes + member.bytes > limits.lmdbGroupBytesMax)) break
      bytes += member.bytes
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  #assertWritable(): void {
    this.#assertOpen()
    if (this.#isReadOnly)
      throw new EngineError('unavailable', 'This data is only open for reading.')
    if (this.#moves.fault) throw this.#moves.fault
  }

  #assertOpen(): void {
    if (this.#closed) throw new EngineError('closed', 'The engine is closed.')
  }
}

function settle(member: Member, decision: Decision | undefined): void {
  if (decision === undefined || decision instanceof EngineError) member.reject(decision)
  else member.resolve(decision)
}
