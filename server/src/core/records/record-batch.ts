import { keptUntil, markGarbage } from '../disk/garbage.ts'
import { counterKey, garbageTotalKey, innerIdBytes, recordKey } from '../disk/keyspace.ts'
import { totalOf } from '../engine/counter.ts'
import type { AtomicWrite, Bytes, Put, Revision, Sum } from '../engine/engine.ts'
import type { Caller } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { type StoreSnapshot, storeBusy } from '../identity/store-reader.ts'
import { type Awaitable, andThen } from '../kernel/awaitable.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { type ChangeOfMany, changesPut } from '../log/change.ts'
import type { StoreParts } from '../stores/store.ts'
import { decodeInfo, encodeInfo, type RecordInfo } from '../values/record-info.ts'
import { headOf, type StoreRecord, type WholeRecord } from './record.ts'
import { placeValue, type Replaced, replacedOf } from './record-write.ts'
import { assertRecordKey } from './validate.ts'
import { type Call, type FinalChange, playOut } from './write-combiner.ts'

/** A record as it shall be; without a value it goes. */
export interface RecordChange {
  readonly key: string
  readonly record: WholeRecord | undefined
}

/**
 * Several records of a store at once: read from one snapshot, written by one commit. Methods throw
 * as those of `Store`, and `too-many` above 10,000 records or a mebibyte of keys.
 */
export class RecordBatch {
  readonly #storeId: string
  readonly #parts: StoreParts
  readonly #caller: Caller

  constructor(storeId: string, parts: StoreParts, caller: Caller) {
    this.#storeId = storeId
    this.#parts = parts
    this.#caller = caller
  }

  /** Undefined where there is none. Throws `record-damaged`. */
  get(keys: readonly string[]): Awaitable<readonly (StoreRecord | undefined)[]> {
    assertBatch(keys)
    return andThen(this.#read(keys, 'read'), ({ entries }) =>
      entries.map((entry, index) => {
        if (!entry) return undefined
        const info = decodeInfo(entry)
        const head = headOf(keys[index] ?? '', info, entry.revision)
        return { ...head, value: this.#parts.values.open(info) }
      }),
    )
  }

  async has(keys: readonly string[]): Promise<readonly boolean[]> {
    assertBatch(keys)
    const { entries } = await this.#read(keys, 'read')
    return entries.map((entry) => entry !== undefined)
  }

  /** How many records there are. Counts as a use, unlike `Store.info`. */
  async count(): Promise<number> {
    const keysOf = ({ id }: StoreIdentity): Bytes[] => [counterKey(id, 'records')]
    const snapshot = await this.#parts.reader.read(this.#storeId, { keysOf, caller: this.#caller })
    await this.#parts.activities.touch(snapshot, 'read')
    return Number(totalOf(snapshot.entries[0]))
  }

  /** Stores records over what was there. Returns, for each, whether it was there before. */
  put(records: readonly WholeRecord[]): Promise<readonly boolean[]> {
    return this.#change(records.map((record) => ({ key: record.key, record })))
  }

  /** Stores those whose keys are not there. Returns, for each, whether it was there before. */
  add(records: readonly WholeRecord[]): Promise<readonly boolean[]> {
    const changes = records.map((record) => ({ key: record.key, record }))
    return this.#change(changes, { onlyAbsent: true })
  }

  /** Returns, for each, whether it was there. */
  delete(keys: readonly string[]): Promise<readonly boolean[]> {
    return this.#change(keys.map((key) => ({ key, record: undefined })))
  }

  async #change(
    changes: readonly RecordChange[],
    { onlyAbsent = false } = {},
  ): Promise<readonly boolean[]> {
    assertBatch(changes.map(({ key }) => key))
    const { actor } = this.#caller
    const whose = { storeId: this.#storeId, actor }
    return this.#parts.combiner.run(whose, { changes, onlyAbsent }, (calls, keys) =>
      this.#changeAll(calls, keys),
    )
  }

  /** One call after the other, in one commit. */
  #changeAll(
    calls: readonly Call[],
    keys: readonly string[],
  ): Promise<readonly (readonly boolean[])[]> {
    const turns = keys.map((key) => this.#nameOf(key))
    return this.#parts.queue.runAll(turns, async () => {
      const guess = this.#guess(keys)
      if (guess) {
        const { changes, found } = playOut(calls, guess.before)
        // What is not to be written, no check would confirm.
        const isWhole = changes.length === keys.length
        const wasRight = isWhole && (await this.#commit(guess.snapshot, changes))
        if (isWhole) this.#parts.guesses.learn({ wasRight })
        if (wasRight) {
          for (const _ of calls) this.#parts.activities.touch(guess.snapshot, 'write')
          return found
        }
      }
      return this.#changeRead(calls, keys)
    })
  }

  /** As `#changeAll`, in turn of the keys, with what is there. */
  async #changeRead(
    calls: readonly Call[],
    keys: readonly string[],
  ): Promise<readonly (readonly boolean[])[]> {
    for (let attempt = 0; attempt < limits.writeAttemptsMax; attempt += 1) {
      const read = this.#read(keys)
      const snapshot = read instanceof Promise ? await read : read
      if (attempt === 0) {
        for (const _ of calls) {
          const noted = this.#parts.activities.touch(snapshot, 'write')
          if (noted) await noted
        }
      }
      const before = new Map(keys.map((key, at) => [key, replacedOf(snapshot.entries[at])]))
      const { changes, found } = playOut(calls, before)
      if (changes.length === 0 || (await this.#commit(snapshot, changes))) return found
    }
    throw storeBusy(this.#storeId)
  }

  /** The store and all of these records as this server left them; undefined: read them. */
  #guess(keys: readonly string[]): Guess | undefined {
    const { guesses, reader } = this.#parts
    if (!guesses.isWorthwhile()) return undefined
    const snapshot = reader.guess(this.#storeId, this.#caller)
    if (!snapshot) return undefined
    const before = new Map<string, Replaced>()
    for (const key of keys) {
      const one = guesses.get(this.#nameOf(key), snapshot.identity)
      if (!one) return undefined
      before.set(key, one)
    }
    return { snapshot, before }
  }

  #nameOf(key: string): string {
    return `${this.#storeId}/${key}`
  }

  async #commit(snapshot: StoreSnapshot, changes: readonly FinalChange[]): Promise<boolean> {
    const { engine, environment, trimmer } = this.#parts
    const write = batchWrite(snapshot, {
      changes,
      caller: this.#caller,
      now: environment.now(),
      createValueId: () => environment.randomBytes(innerIdBytes),
    })
    const commit = await engine.commit(write)
    if (!commit.applied) return false
    trimmer.note(this.#storeId, commit.revision)
    this.#note(snapshot.identity, { changes, revision: commit.revision })
    return true
  }

  #note(
    identity: StoreIdentity,
    { changes, revision }: { changes: readonly FinalChange[]; revision: Revision },
  ): void {
    const { guesses } = this.#parts
    for (const { key, record, before } of changes) {
      const isShort = record && record.bytes.length <= limits.valueInInfoBytesMax
      const next = isShort && ({ size: record.bytes.length, place: shortPlace } as const)
      if (next) guesses.note(this.#nameOf(key), identity, { key, before, next, revision })
      else guesses.forget(this.#nameOf(key))
    }
  }

  #read(keys: readonly string[], use?: 'read'): Awaitable<StoreSnapshot> {
    const { activities, reader } = this.#parts
    const keysOf = ({ contentId }: StoreIdentity): Bytes[] =>
      keys.map((key) => recordKey(contentId, key))
    const read = reader.read(this.#storeId, { keysOf, caller: this.#caller })
    if (!use) return read
    return andThen(read, (snapshot) => andThen(activities.touch(snapshot, use), () => snapshot))
  }
}

const shortPlace = { kind: 'inline', bytes: Buffer.alloc(0) } as const

interface Guess {
  readonly snapshot: StoreSnapshot
  readonly before: ReadonlyMap<string, Replaced>
}

/** As many at once as one commit takes. */
export function* batchesOf(records: readonly WholeRecord[]): Generator<readonly WholeRecord[]> {
  let batch: WholeRecord[] = []
  let room = batchRoom
  let keysRoom = limits.batchKeysBytesMax
  for (const record of records) {
    const keyBytes = Buffer.byteLength(record.key)
    const cost = record.bytes.length + keyBytes
    const isFull = cost > room || keyBytes > keysRoom || batch.length >= limits.pageItemsMax
    if (batch.length > 0 && isFull) {
      yield batch
      batch = []
      room = batchRoom
      keysRoom = limits.batchKeysBytesMax
    }
    batch.push(record)
    room -= cost
    keysRoom -= keyBytes
  }
  if (batch.length > 0) yield batch
}

/** Bytes of keys and values, well below what a commit takes. */
const batchRoom = 8 * 1_048_576

/** Throws `too-many`, `record-key-invalid`. */
export function assertBatch(keys: readonly string[]): void {
  if (keys.length > limits.batchRecordsMax) {
    throw new StorageError('too-many', `At most ${limits.batchRecordsMax} records at once.`)
  }
  let bytes = 0
  for (const key of keys) {
    assertRecordKey(key)
    bytes += Buffer.byteLength(key)
  }
  if (bytes <= limits.batchKeysBytesMax) return
  throw new StorageError('too-many', `At most ${limits.batchKeysBytesMax} bytes of keys at once.`)
}

interface Batch {
  readonly changes: readonly (RecordChange & { before: Replaced | undefined })[]
  readonly caller: Caller
  readonly now: number
  createValueId(): Bytes
}

/** One commit for all, which holds only while the store and each record are as they were read. */
function batchWrite(
  { identity, check }: StoreSnapshot,
  { changes, caller, now, createValueId }: Batch,
): AtomicWrite {
  const checks = [check]
  const deletes: Bytes[] = []
  const puts: Put[] = []
  const told: ChangeOfMany[] = []
  const totals = { records: 0, bytes: 0, garbage: 0n }
  for (const { key, record, before } of changes) {
    const entryKey = before?.key ?? recordKey(identity.contentId, key)
    const previous = before?.info
    checks.push({ key: entryKey, revision: before?.revision })
    if (record) puts.push(...recordPuts(record, { entryKey, now, createValueId }))
    else deletes.push(entryKey)
    const garbage = garbageOf(previous, now)
    puts.push(...garbage.puts)
    for (const { delta } of garbage.sums) totals.garbage += delta
    const size = record?.bytes.length ?? 0
    totals.records += Number(record !== undefined) - Number(before !== undefined)
    totals.bytes += size - (previous?.size ?? 0)
    told.push({ kind: record ? 'put' : 'delete', key, size, before: before?.revision })
  }
  puts.push(changesPut(identity.id, { at: now, actor: caller.actor, changes: told }))
  return { checks, deletes, puts, sums: sumsOf(identity, totals) }
}

/** The info of a record, and the chunks of its value where it needs some. */
export function recordPuts(
  { contentType, bytes, jsonState }: WholeRecord,
  { entryKey, now, createValueId }: { entryKey: Bytes; now: number; createValueId(): Bytes },
): Put[] {
  const { place, chunks } = placeValue(bytes, createValueId)
  const info: RecordInfo = {
    contentType,
    contentEncoding: '',
    size: bytes.length,
    modifiedAt: now,
    jsonState,
    place,
  }
  return [{ key: entryKey, value: encodeInfo(info) }, ...chunks]
}

function garbageOf(previous: Replaced['info'], now: number): { puts: Put[]; sums: Sum[] } {
  if (previous?.place.kind !== 'chunks') return { puts: [], sums: [] }
  const { size: bytes, place } = previous
  return markGarbage(place.valueId, { kind: 'value', bytes, dueAt: keptUntil(now) })
}

function sumsOf(
  { id }: StoreIdentity,
  { records, bytes, garbage }: { records: number; bytes: number; garbage: bigint },
): Sum[] {
  const sums: Sum[] = []
  if (records !== 0) sums.push({ key: counterKey(id, 'records'), delta: BigInt(records) })
  if (bytes !== 0) sums.push({ key: counterKey(id, 'bytes'), delta: BigInt(bytes) })
  if (garbage !== 0n) sums.push({ key: garbageTotalKey, delta: garbage })
  return sums
}
