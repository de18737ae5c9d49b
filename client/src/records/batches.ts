import { CoatcheckError } from '../http/errors.ts'
import { type CallOptions, type StoreAddress, spellingOf } from './address.ts'
import { deleteSpelled } from './delete-many.ts'
import { inParallel, parallelUsual } from './in-parallel.ts'
import { getRecord, type ReadOptions } from './read.ts'
import type { StoredRecord } from './record.ts'
import type { PutValue } from './value-body.ts'
import { type PutOptions, putRecord, type Written } from './write.ts'

export interface ParallelOption {
  /** How many requests are under way at the same time; 8 by default. */
  readonly parallel?: number | undefined
}

export type GetManyOptions = ReadOptions & ParallelOption

export type PutManyOptions = CallOptions & ParallelOption & Pick<PutOptions, 'contentType'>

/** Values by key: an object, a Map or pairs. */
export type PutValues =
  | Readonly<Record<string, PutValue>>
  | Iterable<readonly [string, PutValue]>
  | AsyncIterable<readonly [string, PutValue]>

/** Some writes of a batch failed. Others may have been done: `done` lists them. */
export class CoatcheckBatchError extends CoatcheckError {
  override readonly name = 'CoatcheckBatchError'
  readonly done: ReadonlyMap<string, Written>
  /** Why, by key. Keys that are in neither map were not begun. */
  readonly failed: ReadonlyMap<string, unknown>

  constructor(done: ReadonlyMap<string, Written>, failed: ReadonlyMap<string, unknown>) {
    const [first] = failed.values()
    const why = first instanceof Error ? first.message : String(first)
    const details = first instanceof CoatcheckError ? first : { status: 0, type: 'invalid-value' }
    super(`${failed.size} of a batch failed: ${why}`, { ...details, cause: first })
    this.done = done
    this.failed = failed
  }
}

/** The records of these keys, in their order; undefined for missing ones. */
export async function getMany(
  store: StoreAddress,
  keys: Iterable<string>,
  options: GetManyOptions = {},
): Promise<Map<string, StoredRecord | undefined>> {
  const { parallel = parallelUsual, ...rest } = options
  const read = async (key: string) => [key, await getRecord(store, key, rest)] as const
  const found = new Map<string, StoredRecord | undefined>()
  for await (const [key, record] of inParallel(new Set(keys), parallel, read)) {
    found.set(key, record)
  }
  return found
}

/**
 * Stores each value by itself, not all in one step. After a failure no further ones are begun, and
 * it rejects with CoatcheckBatchError; or with `signal.reason`.
 */
export async function putMany(
  store: StoreAddress,
  values: PutValues,
  options: PutManyOptions = {},
): Promise<Map<string, Written>> {
  const { parallel = parallelUsual, ...rest } = options
  const done = new Map<string, Written>()
  const failed = new Map<string, unknown>()
  const put = async ([key, value]: readonly [string, PutValue]): Promise<void> => {
    try {
      done.set(key, await putRecord(store, key, { ...rest, value }))
    } catch (error) {
      failed.set(key, error)
    }
  }
  const pairs = untilFailure(pairsOf(values), () => failed.size > 0)
  for await (const _ of inParallel(pairs, parallel, put));
  options.signal?.throwIfAborted()
  if (failed.size > 0) throw new CoatcheckBatchError(done, failed)
  return done
}

/** These keys, or all keys that begin with a prefix. */
export type DeletedKeys = Iterable<string> | { readonly prefix: string }

/**
 * Deletes records; returns how many there were, or fewer if the connection broke in between. Each
 * is deleted by itself: a failure leaves the rest in place.
 */
export async function deleteMany(
  store: StoreAddress,
  keys: DeletedKeys,
  options: CallOptions = {},
): Promise<number> {
  if (typeof keys === 'string') throw new TypeError('deleteMany takes a list of keys, or a prefix.')
  if ('prefix' in keys) return deleteSpelled(store, { prefix: spellingOf(keys.prefix) }, options)
  let count = 0
  for (const spelled of portionsOf(keys)) {
    count += await deleteSpelled(store, { keys: spelled }, options)
  }
  return count
}

function pairsOf(
  values: PutValues,
): Iterable<readonly [string, PutValue]> | AsyncIterable<readonly [string, PutValue]> {
  return isIterable(values) ? values : Object.entries(values)
}

function isIterable(
  values: PutValues,
): values is Exclude<PutValues, Readonly<Record<string, PutValue>>> {
  return Symbol.iterator in values || Symbol.asyncIterator in values
}

async function* untilFailure<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  hasFailed: () => boolean,
): AsyncGenerator<Item, void, undefined> {
  for await (const item of items) {
    if (hasFailed()) return
    yield item
  }
}

/** A request may name 10,000 keys and have 9 MiB. */
const portionKeysMax = 10_000
const portionCharsMax = 4_194_304

function* portionsOf(keys: Iterable<string>): Generator<string[], void, undefined> {
  let portion: string[] = []
  let chars = 0
  for (const key of keys) {
    const spelling = spellingOf(key)
    const isFull = portion.length === portionKeysMax || chars + spelling.length > portionCharsMax
    if (isFull && portion.length > 0) {
      yield portion
      portion = []
      chars = 0
    }
    portion.push(spelling)
    chars += spelling.length + 3
  }
  if (portion.length > 0) yield portion
}
