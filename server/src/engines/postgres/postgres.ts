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
import type { EngineHealth, InstalledEngine } from '../../core/engine/installed-engine.ts'
import { Newest } from '../../core/engine/newest.ts'
import type { News } from '../../core/engine/news.ts'
import { measureRestore, measureWrite } from '../../core/engine/write-rules.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import { readHealth } from './health.ts'
import { channel } from './hearing/notice.ts'
import type { PostgresAddress } from './link/address.ts'
import { engineErrorOf } from './link/failure.ts'
import { Primary } from './link/primary.ts'
import { ReconnectingSession } from './link/reconnecting-session.ts'
import type { Session } from './link/session.ts'
import { Reader } from './reader.ts'
import { restoreEntries } from './restore.ts'
import { migrate } from './schema.ts'
import { PostgresSnapshot } from './snapshot.ts'
import { raiseUnwaited, readRevision, readTime } from './statements.ts'
import { Waiters } from './waiters.ts'
import { Watch } from './watch.ts'
import { Writer } from './writer.ts'

const engineLimits: EngineLimits = {
  keyBytesMax: 2_690, // what a row of a PostgreSQL index holds
  valueBytesMax: limits.entryValueBytesMax,
  commitBytesMax: limits.commitBytesMax,
}

export interface PostgresOptions {
  /** The longest wait in ms for a host to accept a connection ... */
  readonly connectMsMax?: number
  /** ... and of each operation in all; after that the outcome of a commit may be unknown. */
  readonly answerMsMax?: number
  /** How often, in ms, to look for commits of other servers, besides their notifications. */
  readonly pollMs?: number
  /** Tells the operator which host takes the writes, when that changes. */
  readonly log?: (sentence: string) => void
}

const usual = {
  connectMsMax: limits.postgresConnectMsMax,
  answerMsMax: limits.postgresAnswerMsMax,
  pollMs: limits.postgresPollMs,
  log: () => undefined,
}

/**
 * Connects, and brings the tables of the database to this version. Throws EngineError
 * `unavailable`.
 */
export async function openPostgres(
  address: PostgresAddress,
  options: PostgresOptions = {},
): Promise<PostgresEngine> {
  const { connectMsMax = usual.connectMsMax } = address
  const engine = new PostgresEngine(address, { ...usual, connectMsMax, ...options })
  try {
    await engine.connect()
    return engine
  } catch (error) {
    await engine.close()
    throw error
  }
}

/** Opens a database to read it only, as it is at this moment. Throws EngineError `unavailable`. */
export async function openSnapshot(address: PostgresAddress): Promise<PostgresSnapshot> {
  return PostgresSnapshot.open(address, engineLimits)
}

/**
 * A PostgreSQL server, or several of which one takes writes: an ordered map in one table.
 *
 * Several Coatcheck servers may use one database. Each commit locks one row, the clock. So commits
 * become readable in the order of their revisions. The engine reopens lost connections by itself;
 * meanwhile every operation fails with `unavailable`.
 */
export class PostgresEngine implements InstalledEngine {
  readonly limits = engineLimits
  readonly isShared = true
  readonly patience: Waiters
  readonly #newest = new Newest(0)
  readonly #primary: Primary
  readonly #writes: ReconnectingSession
  readonly #gets: ReconnectingSession
  readonly #scans: ReconnectingSession
  readonly #hears: ReconnectingSession
  readonly #writer: Writer
  readonly #reader: Reader
  readonly #watch: Watch
  readonly #waiters: Waiters
  /** Whether a new primary lacked commits that this server had seen. */
  #hasLost = false
  #floorOf: ((newest: Revision) => Revision) | undefined
  #closing: Promise<void> | undefined

  /** See `openPostgres`. */
  constructor(address: PostgresAddress, options: Required<PostgresOptions>) {
    this.#primary = new Primary({ address, ...options })
    this.#writes = new ReconnectingSession(this.#primary, (session) => this.#catchUp(session))
    this.#gets = new ReconnectingSession(this.#primary, async () => undefined)
    this.#scans = new ReconnectingSession(this.#primary, async () => undefined)
    this.#hears = new ReconnectingSession(this.#primary, (session) => this.#listen(session))
    // A little longer, so that an operation's own answer comes first: it knows more.
    this.patience = new Waiters(options.answerMsMax + limits.postgresTurnGraceMs)
    const waiters = new Waiters(options.answerMsMax)
    this.#waiters = waiters
    this.#writer = new Writer({ lane: this.#writes, newest: this.#newest, waiters })
    this.#reader = new Reader({ gets: this.#gets, scans: this.#scans, waiters })
    const { pollMs } = options
    const [newest, reads, hears] = [this.#newest, this.#gets, this.#hears]
    this.#watch = new Watch({ newest, reads, hears, pollMs })
  }

  /** Throws EngineError `unavailable`. */
  async connect(): Promise<void> {
    await this.#writes.session()
  }

  async get(keys: readonly Bytes[]): Promise<(Entry | undefined)[]> {
    this.#assertOpen()
    return this.#reader.get(keys)
  }

  async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    this.#assertOpen()
    return this.#reader.scan(range, bound)
  }

  async commit(write: AtomicWrite): Promise<Commit> {
    this.#assertOpen()
    return this.#writer.commit(write, measureWrite(write, engineLimits))
  }

  async readClock(): Promise<number> {
    this.#assertOpen()
    const session = await this.#gets.session()
    try {
      return await readTime(session)
    } catch (error) {
      throw engineErrorOf(error)
    }
  }

  async newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    this.#assertOpen()
    if (revision >= 0) return this.#watch.newerThan(revision, signal)
    signal.throwIfAborted()
    try {
      return await this.#waiters.during(() => this.#watch.newest())
    } catch (error) {
      throw engineErrorOf(error)
    }
  }

  async newsAfter(place: number, signal: AbortSignal): Promise<News> {
    this.#assertOpen()
    return this.#watch.newsAfter(place, signal)
  }

  /** Waits for the operations in flight. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async health(): Promise<EngineHealth> {
    return readHealth({
      within: (work) => this.#waiters.during(work),
      session: () => this.#gets.session(),
      name: this.#primary.name,
      hasLost: this.#hasLost,
    })
  }

  async restore(entries: readonly Entry[], newest: Revision): Promise<void> {
    this.#assertOpen()
    measureRestore(entries, { newest, limits: engineLimits })
    await this.#writer.settled()
    const restored = await restoreEntries(await this.#writes.session(), { entries, newest })
    this.#newest.advance(restored)
  }

  /** See `InstalledEngine.moveOn`. */
  async moveOn(floorOf: (newest: Revision) => Revision): Promise<void> {
    this.#assertOpen()
    this.#floorOf = floorOf
    const session = await this.#writes.session()
    try {
      await this.#raise(session, await readRevision(session))
    } catch (error) {
      throw engineErrorOf(error)
    }
  }

  async #close(): Promise<void> {
    this.#watch.close()
    await this.#writer.settled()
    // After this turn the statements of the current turn are sent, and lanes wait for their
    // answers.
    await new Promise(setImmediate)
    const lanes = [this.#writes, this.#gets, this.#scans, this.#hears]
    await Promise.all(lanes.map((lane) => lane.close()))
  }

  /**
   * Prepares a new session. A standby without the newest commits may have taken over, or the
   * database was restored: then its clock is behind the revisions that servers have seen. It is set
   * forward, so that no revision is given twice.
   */
  async #catchUp(session: Session): Promise<void> {
    await migrate(session)
    const found = await readRevision(session)
    if (found < this.#newest.revision) this.#hasLost = true
    await this.#raise(session, found)
  }

  /**
   * Sets the clock, which stands at `found`, forward if that is necessary. The revisions in between
   * stand for no commits, so nobody has to see them.
   */
  async #raise(session: Session, found: Revision): Promise<void> {
    const seen = Math.max(found, this.#newest.revision)
    const floor = this.#floorOf?.(seen) ?? seen
    if (found < floor) await raiseUnwaited(session, floor)
    this.#newest.advance(found)
  }

  async #listen(session: Session): Promise<void> {
    session.onNotification((payload) => this.#watch.hear(payload))
    await session.tell(`listen ${channel}`)
    this.#watch.listen()
  }

  #assertOpen(): void {
    if (this.#closing) throw new EngineError('closed', 'The engine is closed.')
  }
}
