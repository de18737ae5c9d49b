import {
  type Commit,
  EngineError,
  type Entry,
  type KeyRange,
  type Page,
  type Revision,
  type ScanBound,
} from '../../core/engine/engine.ts'
import type { EngineHealth, InstalledEngine } from '../../core/engine/installed-engine.ts'
import { Newest } from '../../core/engine/newest.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import { readHealth } from './health.ts'
import type { PostgresAddress } from './link/address.ts'
import { engineErrorOf } from './link/failure.ts'
import { Primary } from './link/primary.ts'
import type { Session } from './link/session.ts'
import { Reader, type SessionSource } from './reader.ts'
import { hasTables } from './schema.ts'
import { readRevision, readTime } from './statements.ts'
import { Waiters } from './waiters.ts'

/** The snapshot exists from the first query on; a read-only transaction waits for no standby. */
const beginning = 'begin isolation level repeatable read read only'
const patience = `set local idle_in_transaction_session_timeout = ${limits.postgresIdleSnapshotMsMax}`

/**
 * A database as it was at one moment, for commands that only read: all of it is one snapshot, in
 * one read-only transaction. Servers may write meanwhile, and nothing waits for a standby. If the
 * connection is lost, the snapshot is lost too, and every further read throws `unavailable`.
 */
export class PostgresSnapshot implements InstalledEngine {
  readonly limits: InstalledEngine['limits']
  readonly isShared = true
  readonly #session: Session
  /** For queries that may fail, which would end the transaction of the snapshot. */
  readonly #aside: Session
  readonly #name: string
  readonly #reader: Reader
  readonly #waiters = new Waiters(limits.postgresAnswerMsMax)
  readonly #newest: Newest
  /** Whether the database has no tables of Coatcheck. */
  readonly #isEmpty: boolean
  #isClosed = false

  private constructor(parts: {
    session: Session
    aside: Session
    name: string
    revision: Revision | undefined
    limits: InstalledEngine['limits']
  }) {
    this.#session = parts.session
    this.#aside = parts.aside
    this.#name = parts.name
    this.#isEmpty = parts.revision === undefined
    this.#newest = new Newest(parts.revision ?? 0)
    this.limits = parts.limits
    const source: SessionSource = { session: async () => this.#open() }
    this.#reader = new Reader({ gets: source, scans: source, waiters: this.#waiters })
  }

  /** Throws EngineError `unavailable`. A database without Coatcheck's tables is read as empty. */
  static async open(
    address: PostgresAddress,
    engineLimits: InstalledEngine['limits'],
  ): Promise<PostgresSnapshot> {
    const { postgresConnectMsMax, postgresAnswerMsMax: answerMsMax } = limits
    const { connectMsMax = postgresConnectMsMax } = address
    const log = (): void => undefined
    const options = { address, connectMsMax, answerMsMax, log, mayBeReadOnly: true }
    const primary = new Primary(options)
    const opened: Session[] = []
    try {
      const session = await primary.open()
      opened.push(session)
      const aside = await primary.open()
      opened.push(aside)
      await session.tell(beginning)
      await session.tell(patience)
      const revision = (await hasTables(session)) ? await readRevision(session) : undefined
      const { name } = primary
      return new PostgresSnapshot({ session, aside, name, revision, limits: engineLimits })
    } catch (error) {
      for (const session of opened) session.destroy()
      throw engineErrorOf(error)
    }
  }

  async get(keys: readonly Bytes[]): Promise<(Entry | undefined)[]> {
    this.#open()
    if (this.#isEmpty) return keys.map(() => undefined)
    return this.#reader.get(keys)
  }

  async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    this.#open()
    if (this.#isEmpty) return { entries: [], more: false }
    return this.#reader.scan(range, bound)
  }

  async readClock(): Promise<number> {
    this.#open()
    return readTime(this.#aside).catch((error) => {
      throw engineErrorOf(error)
    })
  }

  /** Nothing newer ever comes into a snapshot. */
  async newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    this.#open()
    return this.#newest.newerThan(revision, signal)
  }

  async health(): Promise<EngineHealth> {
    const session = async (): Promise<Session> => this.#aside
    const within: Waiters['during'] = (work) => this.#waiters.during(work)
    return readHealth({ within, session, name: this.#name, hasLost: false })
  }

  async commit(): Promise<Commit> {
    throw onlyReads()
  }

  async restore(): Promise<void> {
    throw onlyReads()
  }

  async moveOn(): Promise<void> {
    throw onlyReads()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#newest.close()
    await Promise.all([this.#session.close(), this.#aside.close()])
  }

  #open(): Session {
    if (this.#isClosed) throw new EngineError('closed', 'The engine is closed.')
    if (!this.#session.isLost) return this.#session
    const sentence = 'The connection to PostgreSQL was lost, and with it the snapshot. Try again.'
    throw new EngineError('unavailable', sentence)
  }
}

function onlyReads(): EngineError {
  return new EngineError('unavailable', 'This data is only open for reading.')
}
