import { encodeCounter } from '../../core/engine/counter.ts'
import type { Entry, KeyRange, Page, ScanBound } from '../../core/engine/engine.ts'
import { asBuffer, type Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import { keyName } from './batch.ts'
import { byteaArray } from './link/array.ts'
import { engineErrorOf } from './link/failure.ts'
import { Gate } from './link/gate.ts'
import { type Answer, type Row, type Session, type Statement, sqlStateOf } from './link/session.ts'
import type { Waiter, Waiters } from './waiters.ts'

const getEntries: Statement = {
  name: 'coatcheck-get',
  text: 'select key, revision, total, value from coatcheck_entry where key = any($1::bytea[])',
}

/**
 * The window adds up the bytes of the rows before each row, so that no more are sent than a page
 * takes. The lengths are known without reading the values. `more` says whether another row follows.
 * All of this is in one window: a second one takes half as long again.
 */
const scanEntries: Statement = {
  name: 'coatcheck-scan',
  text: `select key, revision, total, value, more from (
      select key, revision, total, value, lead(key) over rows_before is not null as more,
        coalesce(sum(octet_length(key) + coalesce(octet_length(value), 8)) over rows_before, 0)
          as bytes_before
      from (
        select key, revision, total, value from coatcheck_entry
        where key >= $1::bytea and key < $2::bytea order by key limit $3::bigint + 1
      ) as found
      window rows_before as (order by key rows between unbounded preceding and 1 preceding)
    ) as page
    where bytes_before < $4::bigint order by key limit $3::bigint`,
}

/** Gives the session for the next statement; throws EngineError. */
export interface SessionSource {
  session(): Promise<Session>
}

interface Asked {
  readonly keys: readonly Bytes[]
  readonly waiter: Waiter<(Entry | undefined)[]>
}

interface ReaderParts {
  readonly gets: SessionSource
  readonly scans: SessionSource
  readonly waiters: Waiters
}

/**
 * Reads entries. Gets of one turn of the event loop share a statement. Gets have a session of their
 * own, so that they never wait behind a long page.
 */
export class Reader {
  readonly #gets: SessionSource
  readonly #scans: SessionSource
  readonly #waiters: Waiters
  readonly #getGate = new Gate(limits.postgresGetsAtOnce)
  readonly #scanGate = new Gate(limits.postgresScansAtOnce)
  readonly #asked: Asked[] = []

  constructor({ gets, scans, waiters }: ReaderParts) {
    this.#gets = gets
    this.#scans = scans
    this.#waiters = waiters
  }

  get(keys: readonly Bytes[]): Promise<(Entry | undefined)[]> {
    const waiter = this.#waiters.add<(Entry | undefined)[]>()
    if (this.#asked.length === 0) setImmediate(() => this.#askNext())
    this.#asked.push({ keys, waiter })
    return waiter.answer
  }

  async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    const [start, end] = [asBuffer(range.start), asBuffer(range.end)]
    const values = [start, end, String(bound.limit), String(Math.max(1, bound.bytes))]
    const waiter = this.#waiters.add<Page>()
    void this.#scanGate.through(() => this.#scan(values, waiter))
    return waiter.answer
  }

  async #scan(values: readonly unknown[], waiter: Waiter<Page>): Promise<void> {
    if (waiter.isOver) return
    try {
      const isWanted = (): boolean => !waiter.isOver
      const { rows } = await askPatiently(this.#scans, { statement: scanEntries, values, isWanted })
      waiter.resolve({ entries: rows.map(entryOf), more: rows.at(-1)?.[4]?.[0] === 1 })
    } catch (error) {
      waiter.reject(error)
    }
  }

  /** Everything that is asked until the gate opens goes into one statement. */
  #askNext(): void {
    void this.#getGate.through(() => {
      const group = this.#takeGroup()
      if (this.#asked.length > 0) this.#askNext()
      return this.#ask(group)
    })
  }

  #takeGroup(): Asked[] {
    let keys = 0
    let count = 0
    for (const one of this.#asked) {
      if (count > 0 && keys + one.keys.length > limits.postgresReadKeysMax) break
      keys += one.keys.length
      count += 1
    }
    return this.#asked.splice(0, count)
  }

  async #ask(group: readonly Asked[]): Promise<void> {
    const isWanted = (): boolean => group.some(({ waiter }) => !waiter.isOver)
    if (!isWanted()) return
    const keys = new Map<string, Buffer>()
    for (const one of group) for (const key of one.keys) keys.set(keyName(key), asBuffer(key))
    const values = [byteaArray([...keys.values()])]
    try {
      const { rows } = await askPatiently(this.#gets, { statement: getEntries, values, isWanted })
      const found = new Found(rows)
      for (const { keys, waiter } of group) {
        waiter.resolve(keys.map((key) => found.take(keyName(key))))
      }
    } catch (error) {
      for (const { waiter } of group) waiter.reject(error)
    }
  }
}

/** Gives each caller its entry. If two callers asked for one key, the second gets a copy. */
class Found {
  readonly #entries = new Map<string, Entry>()
  readonly #taken = new Set<string>()

  constructor(rows: readonly Row[]) {
    for (const row of rows) {
      const entry = entryOf(row)
      this.#entries.set(keyName(entry.key), entry)
    }
  }

  take(name: string): Entry | undefined {
    const entry = this.#entries.get(name)
    if (!entry || !this.#taken.has(name)) {
      this.#taken.add(name)
      return entry
    }
    return { ...entry, key: Buffer.from(entry.key), value: Buffer.from(entry.value) }
  }
}

interface Question {
  readonly statement: Statement
  readonly values: readonly unknown[]
  /** Whether anybody still waits for the answer. */
  isWanted(): boolean
}

/**
 * Asks once more if the session was lost: it may have been lost long ago, unnoticed. Throws
 * EngineError.
 */
async function askPatiently(
  lane: SessionSource,
  { statement, values, isWanted }: Question,
): Promise<Answer> {
  const session = await lane.session()
  try {
    return await session.ask(statement, values)
  } catch (error) {
    const isLost = session.isLost || sqlStateOf(error)?.startsWith('57P')
    if (!isLost || !isWanted()) throw engineErrorOf(error)
  }
  session.destroy()
  const next = await lane.session()
  try {
    return await next.ask(statement, values)
  } catch (error) {
    throw engineErrorOf(error)
  }
}

function entryOf(row: Row): Entry {
  const [key, revision, total, value] = row
  if (!key || !revision) throw new Error('PostgreSQL returned a row without a key or a revision.')
  const isCounter = total !== null && total !== undefined
  return {
    key,
    value: isCounter ? encodeCounter(total.readBigInt64BE()) : (value ?? Buffer.alloc(0)),
    revision: Number(revision.readBigInt64BE()),
    isCounter,
  }
}
