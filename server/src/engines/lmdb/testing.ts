import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Commit,
  EngineError,
  type Put,
  type Revision,
  type StorageEngine,
} from '../../core/engine/engine.ts'
import { asBuffer } from '../../core/kernel/bytes.ts'
import { pack, packedKind } from './entries/entry.ts'
import { Journal, type JournalParts } from './journal/journal.ts'
import { type JournalState, sealBytes } from './journal/journal-state.ts'
import { LmdbTables } from './tables.ts'

/**
 * For tests: the journal of a folder that a server has begun and that nobody moves into LMDB, as a
 * kill leaves it. Whoever opens the folder next takes up what it holds.
 */
export async function beginJournal(
  folder: string,
  parts: Omit<JournalParts, 'state' | 'newest'>,
): Promise<Journal> {
  const seal = randomBytes(sealBytes)
  const newest = await writeState(folder, { seal, formerSeal: seal, isClean: false })
  const state: JournalState = { newest, seal, formerSeal: seal, isClean: true, dropped: undefined }
  const journal = new Journal(folder, { ...parts, state, newest })
  await journal.allocate()
  await journal.begin(seal)
  return journal
}

/** Changes what LMDB says of the journal. Returns the newest commit that LMDB holds. */
export async function writeState(folder: string, change: Partial<JournalState>): Promise<Revision> {
  const tables = new LmdbTables(folder, 0)
  const seal = Buffer.alloc(sealBytes)
  const none = { newest: 0, seal, formerSeal: seal, isClean: true, dropped: undefined }
  const state = { ...none, ...tables.state(), ...change }
  await tables.write([], state)
  await tables.close()
  return state.newest
}

/** For tests: all entries of an engine that holds few, as latin1. */
export async function allOf(engine: StorageEngine): Promise<Record<string, string>> {
  const range = { start: Buffer.from([0]), end: Buffer.from([0xff]) }
  const { entries, more } = await engine.scan(range, { limit: 999, bytes: 8 * 1_048_576 })
  const found = await engine.get(entries.map(({ key }) => key))
  const differs = entries.some(({ value }, index) => {
    return !asBuffer(value).equals(found[index]?.value ?? Buffer.from('none'))
  })
  if (more || differs) throw new Error('A page and single reads differ.')
  const text = (bytes: Uint8Array): string => asBuffer(bytes).toString('latin1')
  return Object.fromEntries(entries.map(({ key, value }) => [text(key), text(value)]))
}

export function put(key: string, value: string): { puts: Put[] } {
  return { puts: [{ key: Buffer.from(key), value: Buffer.from(value) }] }
}

export async function revisionOf(committing: Promise<Commit>): Promise<Revision> {
  const commit = await committing
  if (!commit.applied) throw new Error('The commit was not applied.')
  return commit.revision
}

export function errorOf(run: () => unknown): EngineError {
  try {
    run()
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
  throw new Error('It was not refused.')
}

/**
 * For tests: what LMDB's file holds now, while a move may be writing to it. LMDB never overwrites
 * the pages of its last transaction, which its first two pages name. If these two pages are the
 * same before, in and after a read of the whole file, the read has that transaction complete.
 */
export function readTransaction(folder: string): Buffer {
  const data = join(folder, 'data.mdb')
  let [before, bytes, after] = [readFileSync(data), readFileSync(data), readFileSync(data)]
  while (!isOneTransaction(before, bytes) || !isOneTransaction(bytes, after)) {
    before = bytes
    bytes = after
    after = readFileSync(data)
  }
  return bytes
}

/** Whether both name the same transactions, in LMDB's first two pages. */
function isOneTransaction(bytes: Buffer, later: Buffer): boolean {
  const metaBytes = 2 * 8_192
  return bytes.subarray(0, metaBytes).equals(later.subarray(0, metaBytes))
}

export interface RandomWrites {
  readonly seed: number
  readonly transactions: number
  /** Rows of one transaction; about a third of them remove their key. */
  readonly rowsMax: number
  readonly keys: number
  readonly keyLengthMax: number
  readonly valueLengths: readonly number[]
  /** Called after each transaction. */
  written?(transaction: number): void
}

/** For tests: random transactions on the maps of a folder, without an engine. */
export async function writeAtRandom(folder: string, writes: RandomWrites): Promise<void> {
  const { keys, keyLengthMax, valueLengths, transactions, rowsMax } = writes
  const random = numbersOf(writes.seed)
  const tables = new LmdbTables(folder, 1)
  const seal = Buffer.alloc(sealBytes)
  for (let turn = 1; turn <= transactions; turn += 1) {
    const removed = turn % 10 === 0 ? 9 : 3
    const rows = new Map<number, { key: Buffer; packed: Buffer }>()
    for (let count = 1 + random(rowsMax); count > 0; count -= 1) {
      const number = random(keys)
      const key = Buffer.from(`${number}`.padStart(1 + ((number * 7_919) % keyLengthMax), 'k'))
      const value = Buffer.alloc(valueLengths[random(valueLengths.length)] ?? 0, turn)
      const packed = pack({ kind: packedKind.value, revision: turn, value })
      rows.set(number, { key, packed: random(10) < removed ? Buffer.alloc(0) : packed })
    }
    const state = { newest: turn, seal, formerSeal: seal, isClean: true, dropped: undefined }
    await tables.write([...rows.values()], state, 'move')
    writes.written?.(turn)
  }
  await tables.close()
}

/** The same numbers in each run: a linear congruential generator. */
export function numbersOf(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * limit)
  }
}
