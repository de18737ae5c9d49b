import { counterKey, innerIdBytes, recordKey } from '../disk/keyspace.ts'
import { totalOf } from '../engine/counter.ts'
import type { Caller } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import type { StoreSnapshot } from '../identity/store-reader.ts'
import { type Awaitable, andThen } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import { decodeInfo } from '../values/record-info.ts'
import { headOf, type StoreRecord, type WholeRecord } from './record.ts'
import type { RecordParts } from './record-parts.ts'
import { infoOfWhole } from './record-write.ts'
import { changeRecords } from './record-writer.ts'
import { assertBatch, assertOneCommit, assertOpensNoStore } from './validate.ts'
import { type Call, playOut, type WantedRecord } from './write-combiner.ts'

/**
 * Several records of a store at once: read from one snapshot, written by one commit. Methods throw
 * like those of `Store`, and `too-many` above 10,000 records, 1 MiB of keys or 32 MiB in all.
 */
export class RecordBatch {
  readonly #storeId: string
  readonly #parts: RecordParts
  readonly #caller: Caller

  constructor(storeId: string, parts: RecordParts, caller: Caller) {
    this.#storeId = storeId
    this.#parts = parts
    this.#caller = caller
  }

  /**
   * The records of `keys`, in order; undefined for missing ones. The caller must dispose of their
   * values, see `whileHeld` and `oneByOne`. Throws `record-damaged`.
   */
  get(keys: readonly string[]): Awaitable<readonly (StoreRecord | undefined)[]> {
    assertBatch(keys)
    const { values } = this.#parts
    return values.look(() =>
      andThen(this.#read(keys, 'read'), ({ entries }) => {
        // Only opens values once nothing can fail any more: who would let them go?
        const infos = entries.map((entry) => entry && decodeInfo(entry))
        return infos.map((info, index) => {
          const revision = entries[index]?.revision
          if (!info || revision === undefined) return undefined
          return { ...headOf(keys[index] ?? '', info, revision), value: values.open(info) }
        })
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

  /** Stores records, and replaces existing ones. Returns, for each, whether it existed before. */
  put(records: readonly WholeRecord[]): Promise<readonly boolean[]> {
    return this.#change(records.map((record) => ({ key: record.key, record })))
  }

  /**
   * Stores only the records whose keys do not exist. Returns, for each, whether it existed before.
   */
  add(records: readonly WholeRecord[]): Promise<readonly boolean[]> {
    const changes = records.map((record) => ({ key: record.key, record }))
    return this.#change(changes, { onlyAbsent: true })
  }

  /** Returns, for each key, whether the record existed. */
  delete(keys: readonly string[]): Promise<readonly boolean[]> {
    return this.#change(keys.map((key) => ({ key, record: undefined })))
  }

  async #change(
    changes: readonly WantedRecord[],
    { onlyAbsent = false } = {},
  ): Promise<readonly boolean[]> {
    assertBatch(changes.map(({ key }) => key))
    assertOneCommit(changes)
    for (const { key, record } of changes) if (record) assertOpensNoStore(key, this.#storeId)
    const { actor } = this.#caller
    const whose = { storeId: this.#storeId, actor }
    return this.#parts.combiner.run(whose, { changes, onlyAbsent }, (calls, keys) =>
      this.#changeAll(calls, keys),
    )
  }

  /** Applies the calls one after the other, in one commit. Returns what each call found. */
  async #changeAll(
    calls: readonly Call[],
    keys: readonly string[],
  ): Promise<readonly (readonly boolean[])[]> {
    const { environment, clock } = this.#parts
    const createValueId = (): Bytes => environment.randomBytes(innerIdBytes)
    const { result } = await changeRecords(this.#parts, {
      storeId: this.#storeId,
      caller: this.#caller,
      keys,
      use: 'write',
      useCount: calls.length,
      decide: (before) => {
        const now = clock.now()
        const { changes, found } = playOut(calls, new Map(keys.map((key, at) => [key, before[at]])))
        const replacements = changes.map(({ key, record, before }) => ({
          key,
          before,
          ...(record ? infoOfWhole(record, { now, createValueId }) : { next: undefined }),
        }))
        return { replacements, result: found }
      },
    })
    return result
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

/** Splits records into batches that each fit into one commit. */
export function* batchesOf(records: readonly WholeRecord[]): Generator<readonly WholeRecord[]> {
  let batch: WholeRecord[] = []
  let room = limits.batchBytesMax
  let keysRoom = limits.batchKeysBytesMax
  for (const record of records) {
    const keyBytes = Buffer.byteLength(record.key)
    const cost = record.bytes.length + keyBytes
    const isFull = cost > room || keyBytes > keysRoom || batch.length >= limits.pageItemsMax
    if (batch.length > 0 && isFull) {
      yield batch
      batch = []
      room = limits.batchBytesMax
      keysRoom = limits.batchKeysBytesMax
    }
    batch.push(record)
    room -= cost
    keysRoom -= keyBytes
  }
  if (batch.length > 0) yield batch
}
