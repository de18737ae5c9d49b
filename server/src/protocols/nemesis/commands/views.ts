import type { Revision } from '../../../core/engine/engine.ts'
import { type Awaitable, andThen } from '../../../core/kernel/awaitable.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { whileHeld } from '../../../core/records/held-records.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { jsonViewOf, readyJsonOf } from '../../json/json-value.ts'
import type { NemesisCall } from '../call/call.ts'
import { assertReplyLength, replyLengthMax } from '../call/wire.ts'
import { LongWork } from '../turns/long-work.ts'

/** With more keys, reading their records is long work. */
const quickKeysMax = 50
/** What listing or reading one key counts as long work. */
export const keyUnits = 480
/** The most bytes of a value that is part of its record. */
const shortRecordBytes = limits.valueInInfoBytesMax

export interface Views {
  /** The JSON text of each record; undefined: there is no record, or it is not JSON. */
  readonly texts: readonly (string | undefined)[]
  readonly notJson: readonly string[]
  /** Of each record; undefined: there is no record. */
  readonly revisions: readonly (Revision | undefined)[]
  /** Of all texts. */
  readonly length: number
}

/**
 * The values of these keys as JSON text, all of them in memory. Waits for room first. Throws
 * `record-damaged`, and `value-too-large` if together they are too long for one answer.
 */
export function viewsOf(
  call: NemesisCall,
  store: Store,
  keys: readonly string[],
): Awaitable<Views> {
  return andThen(readyToRead(call, keys.length), () =>
    andThen(store.batch.get(keys), (records) =>
      whileHeld(records, () => viewsOfRecords(call, store, records)),
    ),
  )
}

function viewsOfRecords(
  call: NemesisCall,
  store: Store,
  records: readonly (StoreRecord | undefined)[],
): Awaitable<Views> {
  const views = new ViewList()
  for (const [index, record] of records.entries()) {
    const text = record && readyJsonOf(record)
    if (record && text === undefined) {
      return viewsBehind(call, { store, records: records.slice(index), views })
    }
    views.add(record, text)
  }
  return views
}

async function viewsBehind(
  call: NemesisCall,
  parts: { store: Store; records: readonly (StoreRecord | undefined)[]; views: ViewList },
): Promise<Views> {
  const { store, records, views } = parts
  await call.room.take(Math.min(readBytesOf(records), replyLengthMax))
  const work = new LongWork(call)
  for (const record of records) {
    await work.next(record ? workOf(record) : 1)
    views.add(record, record && (await textOf(store, record)))
  }
  return views
}

/** How many bytes reading these values takes: those that are not in memory with their records. */
function readBytesOf(records: readonly (StoreRecord | undefined)[]): number {
  return records.reduce((sum, record) => sum + (record ? bytesToRead(record) : 0), 0)
}

/** What reading one value counts as long work. */
export function workOf(record: StoreRecord): number {
  return bytesToRead(record) + record.size + 1
}

/** How many bytes it takes to read one value. It may be far longer once it is decoded. */
export function bytesToRead({ value, size, contentEncoding }: StoreRecord): number {
  if (contentEncoding !== '') return limits.jsonViewBytesMax
  return value.inline ? 0 : Math.min(size, limits.jsonViewBytesMax)
}

class ViewList implements Views {
  readonly texts: (string | undefined)[] = []
  readonly notJson: string[] = []
  readonly revisions: (Revision | undefined)[] = []
  length = 0

  /** Throws `value-too-large`. */
  add(record: StoreRecord | undefined, text: string | undefined): void {
    this.length += text?.length ?? 0
    assertReplyLength(this.length)
    this.texts.push(text)
    this.revisions.push(record?.revision)
    if (record && text === undefined) this.notJson.push(record.key)
  }
}

/** A value as JSON text; undefined: it is not JSON. Throws `record-damaged`, `value-too-large`. */
export async function textOf(store: Store, record: StoreRecord): Promise<string | undefined> {
  return readyJsonOf(record) ?? (await viewOf(store, record))
}

/** A value that can't be decoded by its content encoding counts as not JSON, too. */
async function viewOf(store: Store, record: StoreRecord): Promise<string | undefined> {
  try {
    const view = await jsonViewOf(record, store)
    return view.kind === 'json' ? view.text : undefined
  } catch (error) {
    if (error instanceof StorageError && error.code === 'content-encoding-invalid') return undefined
    throw error
  }
}

/** Waits until so many records may be read: for room, and if they are many for a turn. */
export function readyToRead(call: NemesisCall, keyCount: number): Awaitable<void> {
  const hasRoom = call.room.take(keyCount * shortRecordBytes)
  if (keyCount <= quickKeysMax) return hasRoom
  return andThen(hasRoom, () => new LongWork(call).next(keyCount * keyUnits))
}
