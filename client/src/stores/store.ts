import type { Caller } from '../http/caller.ts'
import type { JsonValue } from '../json/json.ts'
import {
  type CallOptions,
  callPartsOf,
  type StoreAddress,
  storePathOf,
} from '../records/address.ts'
import {
  type DeletedKeys,
  deleteMany,
  type GetManyOptions,
  getMany,
  type PutManyOptions,
  type PutValues,
  putMany,
} from '../records/batches.ts'
import {
  type EntriesOptions,
  type KeysOptions,
  type ListedKey,
  listEntries,
  listKeys,
} from '../records/listing.ts'
import {
  getBytes,
  getJson,
  getRecord,
  getText,
  headRecord,
  type ReadOptions,
  type RecordHead,
  streamRecord,
} from '../records/read.ts'
import type { StoredRecord, StreamedRecord } from '../records/record.ts'
import { type Update, type Updated, updateRecord } from '../records/update.ts'
import {
  type NextValue,
  type UpdatedWith,
  type UpdateWithOptions,
  updateWith,
} from '../records/update-with.ts'
import type { PutValue } from '../records/value-body.ts'
import {
  deleteRecord,
  type PutOptions,
  putJson,
  putRecord,
  type WriteOptions,
  type Written,
} from '../records/write.ts'
import type { Change } from '../watch/change.ts'
import { type WatchOptions, watchStore } from '../watch/watch.ts'
import { askData } from './data.ts'
import { type StoreInfo, storeInfoOf } from './store-info.ts'

/**
 * The records of one store. Any text is a key: also '', slashes and emoji. Methods reject with
 * CoatcheckError (`store-not-found` if there is no store), with `signal.reason`, and with TypeError
 * for arguments that can't be sent.
 */
export class CoatcheckStore {
  readonly #at: StoreAddress

  /** Sends nothing. Throws TypeError for an empty text. */
  constructor(caller: Caller, idOrName: string) {
    this.#at = { caller, path: storePathOf(idOrName) }
  }

  async info(options: CallOptions = {}): Promise<StoreInfo> {
    const { caller, path } = this.#at
    return storeInfoOf(await askData(caller, { method: 'GET', path, ...callPartsOf(options) }))
  }

  /** The value by its content type: parsed JSON, text or bytes. Undefined for a missing record. */
  get(key: string, options?: ReadOptions): Promise<StoredRecord | undefined> {
    return getRecord(this.#at, key, options)
  }

  /** The value as JSON, whatever its content type. Integers beyond 2^53 are bigints. */
  getJson(key: string, options?: ReadOptions): Promise<JsonValue | undefined> {
    return getJson(this.#at, key, options)
  }

  /** The value as text, unchanged: numbers of JSON have every digit. */
  getText(key: string, options?: ReadOptions): Promise<string | undefined> {
    return getText(this.#at, key, options)
  }

  getBytes(key: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return getBytes(this.#at, key, options)
  }

  /** The value as it comes, for values that are too long for memory. */
  stream(key: string, options?: CallOptions): Promise<StreamedRecord | undefined> {
    return streamRecord(this.#at, key, options)
  }

  /** What is known of a record without its value. */
  head(key: string, options?: CallOptions): Promise<RecordHead | undefined> {
    return headRecord(this.#at, key, options)
  }

  async has(key: string, options?: CallOptions): Promise<boolean> {
    return (await headRecord(this.#at, key, options)) !== undefined
  }

  /**
   * Stores a value: text, bytes, a Blob or a stream as it is, and everything else as JSON. A stream
   * is sent once: a call with one is not repeated after a failure.
   */
  put(key: string, value: PutValue, options?: PutOptions): Promise<Written> {
    return putRecord(this.#at, key, { ...options, value })
  }

  /** Stores any value as JSON, also text. */
  putJson(key: string, value: unknown, options?: PutOptions): Promise<Written> {
    return putJson(this.#at, key, { ...options, value })
  }

  /** Succeeds also if there is no such record, unless a condition says something else. */
  delete(key: string, options: WriteOptions = {}): Promise<void> {
    return deleteRecord(this.#at, key, options)
  }

  /** Changes a JSON value in one step, on the server. */
  update(key: string, update: Update, options?: WriteOptions): Promise<Updated> {
    return updateRecord(this.#at, key, { ...options, update })
  }

  /** Changes a JSON value by a function, which is called again if another writer was faster. */
  updateWith(key: string, next: NextValue, options?: UpdateWithOptions): Promise<UpdatedWith> {
    return updateWith(this.#at, key, { ...options, next })
  }

  getMany(
    keys: Iterable<string>,
    options?: GetManyOptions,
  ): Promise<Map<string, StoredRecord | undefined>> {
    return getMany(this.#at, keys, options)
  }

  /** Stores each value by itself. Rejects with CoatcheckBatchError if some fail. */
  putMany(values: PutValues, options?: PutManyOptions): Promise<Map<string, Written>> {
    return putMany(this.#at, values, options)
  }

  /** Deletes these keys, or all with a prefix; returns how many records there were. */
  deleteMany(keys: DeletedKeys, options?: CallOptions): Promise<number> {
    return deleteMany(this.#at, keys, options)
  }

  /** All keys in the order of their UTF-8 bytes. */
  keys(options?: KeysOptions): AsyncGenerator<ListedKey, void, undefined> {
    return listKeys(this.#at, options)
  }

  /** All records with their values, in the order of their keys. */
  entries(options?: EntriesOptions): AsyncGenerator<StoredRecord, void, undefined> {
    return listEntries(this.#at, options)
  }

  /** Changes as they happen, over a connection that is made again when it is lost. */
  watch(options?: WatchOptions): AsyncGenerator<Change, void, undefined> {
    return watchStore(this.#at, options)
  }
}
