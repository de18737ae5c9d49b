import { counterKey, recordKey, recordRange, schemaKey } from '../disk/keyspace.ts'
import { totalOf } from '../engine/counter.ts'
import type { Revision } from '../engine/engine.ts'
import { type ChangePage, readChanges } from '../history/changes.ts'
import { isOnlyVersionOfSecond } from '../history/only-version.ts'
import type { Watcher } from '../history/watcher.ts'
import type { Watches, WatchQuery } from '../history/watches.ts'
import { OnceOnly, type RepeatableRequest } from '../idempotency/repeatable.ts'
import { type Caller, system } from '../identity/caller.ts'
import type { IdentityCache, StoreIdentity, StoreInfo } from '../identity/identity.ts'
import { ignoreGone, type StoreSnapshot } from '../identity/store-reader.ts'
import type { SchemaCache, StoreSchema } from '../identity/store-schema.ts'
import { type Awaitable, andThen } from '../kernel/awaitable.ts'
import type { Background } from '../kernel/background.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { narrowedPrefix } from '../people/scope.ts'
import type { Tokens } from '../people/tokens.ts'
import { type Move, type MoveOptions, moveRecord } from '../records/move/record-move.ts'
import {
  type Condition,
  headOf,
  type NewRecord,
  type PutResult,
  type RecordHead,
  type StoreRecord,
  type WholeRecord,
} from '../records/record.ts'
import { RecordBatch } from '../records/record-batch.ts'
import type { RecordParts } from '../records/record-parts.ts'
import { putRecord } from '../records/record-put.ts'
import {
  type Compute,
  type Updated,
  type UpdateOptions,
  updateRecord,
} from '../records/record-update.ts'
import { listedHead, replacedInfo } from '../records/record-write.ts'
import { changeRecords } from '../records/record-writer.ts'
import type { LiveUse } from '../values/live-uses.ts'
import { decodeInfo, encodeInfo, type JsonState } from '../values/record-info.ts'
import type { Lifecycle } from './lifecycle.ts'

/** What all stores share. */
export interface StoreParts extends RecordParts {
  readonly background: Background
  readonly identities: IdentityCache
  readonly lifecycle: Lifecycle
  readonly schemas: SchemaCache
  readonly tokens: Pick<Tokens, 'checksOf'>
  readonly watches: Watches
}

export interface RecordPage {
  /** The store of these records, as it was when they were read. */
  readonly store: StoreIdentity
  readonly items: readonly RecordHead[]
  /** True when there are records after the last one of this page. */
  readonly isTruncated: boolean
}

export interface ListQuery {
  readonly prefix: string
  /** Only keys strictly after this one, which need not exist. */
  readonly startAfter: string | undefined
  readonly limit: number
}

/**
 * A collection of records. Every read and write asks the caller about the store's identity of the
 * same snapshot or commit, so that a lost right takes effect at once. Every method throws
 * `store-not-found` once the store is gone, and `storage-unavailable`, `storage-full` or
 * `outcome-unknown` if the storage fails.
 */
export class Store {
  readonly id: string
  readonly #parts: StoreParts
  readonly #caller: Caller
  readonly #found: StoreIdentity | undefined

  /** `found` is the store's identity when the caller found it. */
  constructor(id: string, parts: StoreParts, caller: Caller = system, found?: StoreIdentity) {
    this.id = id
    this.#parts = parts
    this.#caller = caller
    this.#found = found
  }

  async identity(): Promise<StoreIdentity> {
    return (await this.#read(noKeys)).identity
  }

  /** True if it is known without a read that the store has no schema: this never changes. */
  get hasNoSchema(): boolean {
    return this.#parts.identities.guess(this.id)?.identity.hasSchema === false
  }

  /** The schema that the store was created with. Throws `record-damaged`. */
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

  /** The caller must dispose of the value, see `whileHeld`. Throws `record-damaged`. */
  get(key: string): Awaitable<StoreRecord | undefined> {
    const { values, activities } = this.#parts
    return values.look(() =>
      andThen(this.#find(key), (snapshot) =>
        andThen(activities.touch(snapshot, 'read'), () => {
          const [entry] = snapshot.entries
          if (!entry) return undefined
          const info = decodeInfo(entry)
          return { ...headOf(key, info, entry.revision), value: values.open(info) }
        }),
      ),
    )
  }

  /** Throws `record-damaged`. */
  async head(key: string): Promise<RecordHead | undefined> {
    const [entry] = (await this.#find(key)).entries
    return entry && headOf(key, decodeInfo(entry), entry.revision)
  }

  /**
   * Stores a record, and replaces an existing one. Values may have any size: those of a chunk or
   * more are streamed, and become visible only when all of it is stored. A `request` that is sent
   * again does nothing the second time. Throws `record-key-invalid`, `content-type-invalid`,
   * `condition-failed`, `idempotency-key-reused`, `store-cleared`, `upload-expired`,
   * `upload-aborted`.
   */
  put(record: NewRecord, condition?: Condition, request?: RepeatableRequest): Promise<PutResult> {
    const target = {
      storeId: this.id,
      caller: this.#caller,
      assertStill: () => this.#assertStill(),
    }
    return putRecord(this.#parts, target, { record, condition, request })
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

  /**
   * Changes the value of a record by what it is. Nobody else can change it in between. Returns the
   * value; undefined: the record was deleted. Throws as `put`, and what `compute` throws.
   */
  update(key: string, compute: Compute, options: UpdateOptions = {}): Promise<Updated | undefined> {
    const target = { storeId: this.id, caller: this.#caller }
    return updateRecord(this.#parts, target, { key, compute, ...options })
  }

  /**
   * Returns whether the record existed. Throws `condition-failed`, `idempotency-key-reused`.
   */
  async delete(key: string, condition?: Condition, request?: RepeatableRequest): Promise<boolean> {
    const subject = { storeId: this.id, recordKey: key }
    const { result } = await changeRecords(this.#parts, {
      storeId: this.id,
      caller: this.#caller,
      keys: isPossibleKey(key) ? [key] : [],
      condition,
      once: request && new OnceOnly<boolean>(this.#parts, request, subject),
      use: 'delete',
      decide: ([before]) => ({
        replacements: before ? [{ key, before, next: undefined }] : [],
        result: before !== undefined,
      }),
    })
    return result
  }

  /**
   * Gives a record another key, with its bytes, content type and encoding, in one commit and
   * without copying. Returns the revision of the moved record. Throws `record-not-found`,
   * `record-exists`, `record-key-invalid`, `condition-failed`, `idempotency-key-reused`,
   * `record-damaged`, and what `check` throws.
   */
  move(move: Move, options: MoveOptions = {}): Promise<PutResult> {
    return moveRecord(this.#parts, { storeId: this.id, caller: this.#caller }, { move, ...options })
  }

  /**
   * The records in the order of their keys' bytes. `limit` is 1 to 1,000. A damaged record is
   * listed with size 0.
   */
  async list(query: ListQuery): Promise<RecordPage> {
    // While the page is read, its records are not removed, although the store may be cleared.
    return this.#parts.values.look(() => this.#list(query))
  }

  async #list(query: ListQuery): Promise<RecordPage> {
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

  /** Removes all records. Uploads that run meanwhile are refused. */
  async clear(): Promise<void> {
    await this.#parts.lifecycle.clear(this.id, this.#caller)
  }

  /** Methods for several records at once. */
  get batch(): RecordBatch {
    return new RecordBatch(this.id, this.#parts, this.#caller)
  }

  /** Replaces all records with these, in one commit. Returns how many there were before. */
  async replaceAll(records: readonly WholeRecord[]): Promise<number> {
    await this.identity() // asks the caller
    return this.#parts.lifecycle.replaceAll(this.id, records, this.#caller)
  }

  /**
   * The changes after the revision `after`, oldest first. If the store is gone, its last changes
   * can be read until they are older than the log keeps them: by callers who found the store
   * before, for the keys that they could see then.
   */
  async changes(query: { readonly after: Revision; readonly prefix: string }): Promise<ChangePage> {
    const { engine, identities } = this.#parts
    const reader = { engine, identities, caller: this.#caller, found: this.#found }
    return readChanges(reader, this.id, query)
  }

  /**
   * Whether it is certain that the record had no other version in the second of its last change:
   * then that second names its version. Not for callers who may not read the record.
   */
  isOnlyVersionOfSecond(head: RecordHead): Promise<boolean> {
    return isOnlyVersionOfSecond(this.#parts.engine, this.id, head)
  }

  /**
   * Stores the result of checking the value that `revision` wrote. The record keeps its revision.
   * If it has another value by now, nothing is stored.
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
      // The record has another revision now, although its value is the same.
      this.#parts.guesses.forget(`${this.id}/${key}`)
    })
    this.#parts.background.start('Storing whether a value is JSON', work.catch(ignoreGone))
  }

  /**
   * Starts a long use of this store. It ends when the caller loses the right, or the store is gone.
   */
  beginUse(): LiveUse {
    const key = this.#caller.rightsKey?.()
    const rightsKey = key && `${this.id}/${key}`
    return this.#parts.liveUses.begin(() => this.#assertStill(), rightsKey)
  }

  /**
   * Starts to watch the store's changes, as one of the watchers of `owner`: a user or an address.
   * Dispose of the watcher at its end. Throws `too-many`, and what the caller throws.
   */
  async watch(query: WatchQuery): Promise<Watcher> {
    const { identity } = await this.#read(noKeys)
    const prefix = narrowedPrefix(query.prefix ?? '', this.#caller.keyPrefix(identity))
    const use = this.beginUse()
    return this.#parts.watches.open(this.id, { ...query, prefix, use })
  }

  /**
   * Waits for `work` of the caller. Rejects as a use of this store would, once the caller has lost
   * the right.
   */
  whileAllowed<T>(work: Promise<T>): Promise<T> {
    return this.#parts.liveUses.during(work, () => this.#assertStill())
  }

  async #assertStill(): Promise<void> {
    await this.#caller.assertValid()
    await this.identity()
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

  #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#parts.queue.run(`${this.id}/${key}`, work)
  }
}

const noKeys = (): readonly Bytes[] => []

/** Whether a record may have this key. Otherwise it is treated as a missing record. */
function isPossibleKey(key: string): boolean {
  const isShort = key.length * 3 <= limits.recordKeyBytesMax
  return (isShort || Buffer.byteLength(key) <= limits.recordKeyBytesMax) && key.isWellFormed()
}
