import { counterKey, innerIdBytes, recordKey, recordRange, schemaKey } from '../disk/keyspace.ts'
import { totalOf } from '../engine/counter.ts'
import type { Bytes, Revision, StorageEngine } from '../engine/engine.ts'
import { type ChangePage, readChanges } from '../history/changes.ts'
import type { Activities } from '../identity/activities.ts'
import { type Caller, system } from '../identity/caller.ts'
import type { IdentityCache, StoreIdentity } from '../identity/identity.ts'
import {
  ignoreGone,
  type StoreReader,
  type StoreSnapshot,
  storeBusy,
} from '../identity/store-reader.ts'
import type { SchemaCache, StoreSchema } from '../identity/store-schema.ts'
import { type Awaitable, andThen } from '../kernel/awaitable.ts'
import type { Background } from '../kernel/background.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import type { KeyQueue } from '../kernel/key-queue.ts'
import { limits } from '../kernel/limits.ts'
import type { ChangeTrimmer } from '../log/change-trimmer.ts'
import { narrowedPrefix } from '../people/scope.ts'
import { assertCondition } from '../records/condition.ts'
import {
  type Condition,
  headOf,
  type NewRecord,
  type RecordHead,
  type StoredRecord,
  type StoreRecord,
  type WholeRecord,
} from '../records/record.ts'
import { RecordBatch } from '../records/record-batch.ts'
import type { RecordGuesses } from '../records/record-guesses.ts'
import {
  listedHead,
  placeValue,
  type Replaced,
  recordWrite,
  replacedInfo,
  replacedOf,
} from '../records/record-write.ts'
import { type Made, replaceRecord } from '../records/replace-record.ts'
import { assertContentType, assertRecordKey } from '../records/validate.ts'
import type { WriteCombiner } from '../records/write-combiner.ts'
import { type LiveUse, type LiveUses, whileLive } from '../values/live-uses.ts'
import { decodeInfo, encodeInfo, type JsonState, type RecordInfo } from '../values/record-info.ts'
import { Upload } from '../values/upload.ts'
import type { Values } from '../values/value.ts'
import type { Lifecycle } from './lifecycle.ts'

/** What all stores share. */
export interface StoreParts {
  readonly engine: StorageEngine
  readonly environment: Environment
  readonly background: Background
  readonly identities: IdentityCache
  readonly reader: StoreReader
  readonly activities: Activities
  readonly lifecycle: Lifecycle
  readonly values: Values
  readonly schemas: SchemaCache
  readonly queue: KeyQueue
  readonly trimmer: ChangeTrimmer
  readonly liveUses: LiveUses
  readonly combiner: WriteCombiner
  readonly guesses: RecordGuesses
}

/** A store as it is now. */
export interface StoreInfo extends StoreIdentity {
  readonly modifiedAt: number
  readonly accessedAt: number
  /** When the store ends unless it is used; undefined: it is kept. */
  readonly expiresAt: number | undefined
  readonly recordCount: number
  /** Stored bytes of all values. */
  readonly storedBytes: number
  readonly readCount: number
  readonly writeCount: number
  readonly deleteCount: number
  readonly listCount: number
}

export interface RecordPage {
  /** The store whose records these are, as it was when they were read. */
  readonly store: StoreIdentity
  readonly items: readonly RecordHead[]
  /** True when there are records behind the last one of this page. */
  readonly isTruncated: boolean
}

/**
 * A collection of records. Whatever reads or writes them asks the caller about the very
 * identity that it reads and writes under, so that no right outlives a change. Every method throws
 * `store-not-found` once the store is gone, and `storage-unavailable`, `storage-full` or
 * `outcome-unknown` where the storage fails.
 */
export class Store {
  readonly id: string
  readonly #parts: StoreParts
  readonly #caller: Caller
  readonly #found: StoreIdentity | undefined

  /** `found` is what the store was when the caller found it. */
  constructor(id: string, parts: StoreParts, caller: Caller = system, found?: StoreIdentity) {
    this.id = id
    this.#parts = parts
    this.#caller = caller
    this.#found = found
  }

  async identity(): Promise<StoreIdentity> {
    return (await this.#read(noKeys)).identity
  }

  /** Whether there is no schema, where that is known without asking: a store keeps what it has. */
  get hasNoSchema(): boolean {
    return this.#parts.identities.guess(this.id)?.identity.hasSchema === false
  }

  /** What the store was made with. Throws `record-damaged`. */
  async schema(): Promise<StoreSchema | undefined> {
    const { schemas } = this.#parts
    const known = schemas.get(this.id)
    const { identity, entries } = await this.#read(({ id, hasSchema }) =>
      hasSchema && !known ? [schemaKey(id)] : [],
    )
    if (!identity.hasSchema) return undefined
    return known ?? schemas.decode(this.id, entries[0])
  }

  async info(): Promise<StoreInfo> {
    const keysOf = ({ id }: StoreIdentity): Bytes[] => [
      counterKey(id, 'records'),
      counterKey(id, 'bytes'),
    ]
    const snapshot = await this.#read(keysOf, { withActivity: true })
    const { current: activity } = this.#parts.reader.activityOf(snapshot)
    const [records, bytes] = snapshot.entries
    return {
      ...snapshot.identity,
      modifiedAt: activity.modifiedAt,
      accessedAt: activity.accessedAt,
      expiresAt: activity.expiresAt === 0 ? undefined : activity.expiresAt,
      recordCount: Number(totalOf(records)),
      storedBytes: Number(totalOf(bytes)),
      readCount: activity.reads,
      writeCount: activity.writes,
      deleteCount: activity.deletes,
      listCount: activity.lists,
    }
  }

  /** Throws `record-damaged`. */
  get(key: string): Awaitable<StoreRecord | undefined> {
    return andThen(this.#find(key), (snapshot) =>
      andThen(this.#parts.activities.touch(snapshot, 'read'), () => {
        const [entry] = snapshot.entries
        if (!entry) return undefined
        const info = decodeInfo(entry)
        return { ...headOf(key, info, entry.revision), value: this.#parts.values.open(info) }
      }),
    )
  }

  /** Throws `record-damaged`. */
  async head(key: string): Promise<RecordHead | undefined> {
    const [entry] = (await this.#find(key)).entries
    return entry && headOf(key, decodeInfo(entry), entry.revision)
  }

  /**
   * Stores a record over what was there. Values of any size: what is over a chunk is streamed, and
   * nothing is seen of it before all of it is stored. Throws `record-key-invalid`,
   * `content-type-invalid`, `condition-failed`, `store-cleared`, `upload-expired`,
   * `upload-aborted`.
   */
  async put(record: NewRecord, condition?: Condition): Promise<StoredRecord> {
    assertRecordKey(record.key)
    assertContentType(record.contentType)
    const { whole } = record.source
    const isShort = whole !== undefined && whole.length < limits.chunkBytes
    const first = isShort ? whole : await this.whileAllowed(record.source.take(limits.chunkBytes))
    if (first.length === limits.chunkBytes) return this.#putStreamed(record, { first, condition })
    const { actor } = this.#caller
    const { place, chunks } = placeValue(first, () => this.#createValueId())
    return await this.#inTurn(record.key, () =>
      this.#replace(record.key, condition, (snapshot, before) => {
        const next = this.#infoOf(record, { size: first.length, place })
        const change = { key: record.key, before, next, chunks, actor, now: this.#now() }
        return { next, write: recordWrite(snapshot, change) }
      }),
    )
  }

  /** Stores a record unless its key exists. Returns whether it was stored. */
  async add(record: NewRecord): Promise<boolean> {
    try {
      await this.put(record, { kind: 'absent' })
      return true
    } catch (error) {
      if (error instanceof StorageError && error.code === 'condition-failed') return false
      throw error
    }
  }

  /** Returns whether there was such a record. Throws `condition-failed`. */
  async delete(key: string, condition?: Condition): Promise<boolean> {
    return this.#inTurn(key, async () => {
      for (let attempt = 0; attempt < limits.writeAttemptsMax; attempt += 1) {
        const snapshot = await this.#find(key)
        const [before] = snapshot.entries
        assertCondition(condition, before)
        if (attempt === 0) await this.#parts.activities.touch(snapshot, 'delete')
        if (!before) return false
        const { actor } = this.#caller
        const replaced = replacedOf(before)
        const change = { key, before: replaced, next: undefined, actor, now: this.#now() }
        const write = recordWrite(snapshot, change)
        const commit = await this.#parts.engine.commit(write)
        if (!commit.applied) continue
        this.#parts.trimmer.note(this.id, commit.revision)
        return true
      }
      throw storeBusy(this.id)
    })
  }

  /**
   * The records in the order of their keys' bytes. `limit` is 1 to 1,000. A damaged record is
   * listed with size 0.
   */
  async list(query: {
    readonly prefix: string
    /** Only keys strictly behind this one, which need not exist. */
    readonly startAfter: string | undefined
    readonly limit: number
  }): Promise<RecordPage> {
    const { engine, activities } = this.#parts
    const snapshot = await this.#read(noKeys)
    await activities.touch(snapshot, 'list')
    const { identity: store } = snapshot
    const prefix = narrowedPrefix(query.prefix, this.#caller.keyPrefix(store))
    if (prefix === undefined || !isPossibleKey(prefix)) {
      return { store, items: [], isTruncated: false }
    }
    const limit = Math.min(query.limit, limits.pageItemsMax)
    const range = recordRange(store.contentId, { ...query, prefix })
    const page = await engine.scan(range, { limit, bytes: limits.pageBytesMax })
    return { store, items: page.entries.map(listedHead), isTruncated: page.more }
  }

  /** Removes all records. What is being uploaded meanwhile is refused. */
  async clear(): Promise<void> {
    await this.#parts.lifecycle.clear(this.id, this.#caller)
  }

  /** Several records at once. */
  get batch(): RecordBatch {
    return new RecordBatch(this.id, this.#parts, this.#caller)
  }

  /** Puts these records in place of all, in one commit. Returns how many there were. */
  async replaceAll(records: readonly WholeRecord[]): Promise<number> {
    await this.identity() // asks the caller
    return this.#parts.lifecycle.replaceAll(this.id, records, this.#caller)
  }

  /**
   * What happened behind the revision `after`, oldest first. A store that is gone still tells of
   * its end, until that is older than the log is kept: to whoever found it, of the keys that they
   * saw then.
   */
  async changes(query: { readonly after: Revision; readonly prefix: string }): Promise<ChangePage> {
    const { engine, identities } = this.#parts
    const reader = { engine, identities, caller: this.#caller, found: this.#found }
    return readChanges(reader, this.id, query)
  }

  /**
   * Remembers what was found of the value that `revision` wrote. The record keeps its revision;
   * where it has another value by now, nothing is remembered.
   */
  rememberJson(key: string, revision: Revision, jsonState: JsonState): void {
    const work = this.#inTurn(key, async () => {
      const snapshot = await this.#find(key)
      const [entry] = snapshot.entries
      const info = replacedInfo(entry)
      if (!entry || !info || headOf(key, info, entry.revision).revision !== revision) return
      const next = encodeInfo({ ...info, jsonState, valueRevision: revision })
      const puts = [{ key: entry.key, value: next }]
      await this.#parts.engine.commit({ checks: [snapshot.check, entry], puts })
    })
    this.#parts.background.start('Remembering whether a value is JSON', work.catch(ignoreGone))
  }

  /** A use of this store that lasts. It ends where the caller may not go on, or the store ends. */
  beginUse(): LiveUse {
    return this.#parts.liveUses.begin(() => this.#assertStill())
  }

  /** What the caller is waited for. Throws as this store's use would, once they may not go on. */
  whileAllowed<T>(work: Promise<T>): Promise<T> {
    return this.#parts.liveUses.during(work, () => this.#assertStill())
  }

  async #assertStill(): Promise<void> {
    await this.#caller.assertValid()
    await this.identity()
  }

  async #putStreamed(
    record: NewRecord,
    { first, condition }: { first: Bytes; condition: Condition | undefined },
  ): Promise<StoredRecord> {
    const { identity: begun, entries } = await this.#find(record.key)
    // Told before a long upload rather than behind it; what counts is decided at its end.
    assertCondition(condition, entries[0])
    const upload = new Upload(this.#parts.engine, this.#parts.environment)
    using use = this.beginUse()
    await upload.receive(first, whileLive(record.source, use))
    try {
      return await this.#inTurn(record.key, () =>
        this.#replace(record.key, condition, async (snapshot, before) => {
          await this.#assertUploadHolds(upload, { begun, now: snapshot.identity })
          const place = { kind: 'chunks', valueId: upload.valueId } as const
          const next = this.#infoOf(record, { size: upload.size, place })
          const { actor } = this.#caller
          const change = { key: record.key, before, next, actor, now: this.#now() }
          return { next, write: upload.closing(recordWrite(snapshot, change)) }
        }),
      )
    } catch (error) {
      const isUnknown = error instanceof StorageError && error.code === 'outcome-unknown'
      if (!isUnknown) await upload.giveUp()
      throw error
    }
  }

  async #assertUploadHolds(
    upload: Upload,
    { begun, now }: { begun: StoreIdentity; now: StoreIdentity },
  ): Promise<void> {
    if (!begun.contentId.equals(now.contentId)) {
      throw new StorageError('store-cleared', 'The store was cleared during this upload.')
    }
    if (!(await upload.isAlive())) {
      throw new StorageError('upload-expired', 'The upload stood still for too long.')
    }
  }

  #replace(
    key: string,
    condition: Condition | undefined,
    make: (snapshot: StoreSnapshot, before: Replaced | undefined) => Awaitable<Made>,
  ): Promise<StoredRecord> {
    const [caller, find] = [this.#caller, (): Awaitable<StoreSnapshot> => this.#find(key)]
    return replaceRecord(this.#parts, { storeId: this.id, key, caller, condition, find, make })
  }

  #find(key: string): Awaitable<StoreSnapshot> {
    if (!isPossibleKey(key)) return this.#read(noKeys)
    return this.#read(({ contentId }) => [recordKey(contentId, key)])
  }

  #read(
    keysOf: (identity: StoreIdentity) => readonly Bytes[],
    { withActivity = false } = {},
  ): Awaitable<StoreSnapshot> {
    return this.#parts.reader.read(this.id, { keysOf, withActivity, caller: this.#caller })
  }

  #infoOf(record: NewRecord, value: Pick<RecordInfo, 'size' | 'place'>): RecordInfo {
    const { contentType, contentEncoding, jsonState = 'unchecked' } = record
    return { contentType, contentEncoding, modifiedAt: this.#now(), jsonState, ...value }
  }

  #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#parts.queue.run(`${this.id}/${key}`, work)
  }

  #createValueId(): Bytes {
    return this.#parts.environment.randomBytes(innerIdBytes)
  }

  #now(): number {
    return this.#parts.environment.now()
  }
}

const noKeys = (): readonly Bytes[] => []

/** A key that no record can have is simply not there. */
function isPossibleKey(key: string): boolean {
  const isShort = key.length * 3 <= limits.recordKeyBytesMax
  return (isShort || Buffer.byteLength(key) <= limits.recordKeyBytesMax) && key.isWellFormed()
}
