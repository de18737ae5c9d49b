import type { Awaitable } from '../../../core/kernel/awaitable.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { NewValue } from '../../../core/records/record-update.ts'
import type { Store } from '../../../core/stores/store.ts'
import { isJsonType } from '../../../core/values/content-type.ts'
import { isLongWork, jsonType, jsonViewOf, readyJsonOf } from '../json-value.ts'
import { applyUpdate } from './apply.ts'
import type { Update } from './update.ts'

export interface Computing {
  readonly store: Store
  /** Waits until this client may do long work, of about so many units (see `WorkTurns`). */
  turn(units: number): Awaitable<void>
  /** A longer value is not read, in characters of JSON. */
  readonly lengthMax?: number
  /** Takes room for so many bytes until the update is done. Throws `store-busy`. */
  takeRoom?(bytes: number): void
  /** Whether a value `null` counts as none: for pages, it does. */
  readonly nullIsMissing?: boolean
}

/** Makes `Store.update` do `update`. What it computes throws as `applyUpdate`. */
export function computeOf(
  update: Update,
  computing: Computing,
): (before: StoreRecord | undefined) => Promise<NewValue> {
  const { store, nullIsMissing = false } = computing
  return async (before) => {
    if (before && isLongWork(before)) await prepare(before, computing)
    const text = before && (await textOf(before, update, store))
    if (text && text.length > lengthMaxOf(computing)) throw tooLong(lengthMaxOf(computing))
    const isMissing = nullIsMissing && text?.trim() === 'null'
    return newValueOf(before, text, applyUpdate(update, isMissing ? undefined : text))
  }
}

/** Before a long value is read. */
async function prepare(before: StoreRecord, computing: Computing): Promise<void> {
  const isEncoded = before.contentEncoding !== ''
  const lengthMax = lengthMaxOf(computing)
  if (!isEncoded && before.size > lengthMax * bytesPerCharacterMax) throw tooLong(lengthMax)
  const bytes = isEncoded ? limits.jsonViewBytesMax : before.size
  computing.takeRoom?.(bytes * copiesOfValue)
  await computing.turn(bytes)
}

/** In UTF-8. */
const bytesPerCharacterMax = 3
/** The stored bytes, their text, the text of the new value, and its bytes. */
const copiesOfValue = 4

function lengthMaxOf({ lengthMax = limits.updatedValueLengthMax }: Computing): number {
  return lengthMax
}

function tooLong(lengthMax: number): StorageError {
  const rule = `up to ${lengthMax} characters`
  return new StorageError('value-too-large', `Only values of ${rule} can be updated.`)
}

/** The new value of a record; `text` is its value before. */
export function newValueOf(
  before: StoreRecord | undefined,
  text: string | undefined,
  next: string,
): NewValue {
  const contentType = before && isJsonType(before.contentType) ? before.contentType : jsonType
  return { contentType, bytes: Buffer.from(next), jsonState: 'sound', isChanged: next !== text }
}

/** JSON text. Throws `wrong-value-type`, and as `jsonViewOf`. */
async function textOf(before: StoreRecord, { op }: Update, store: Store): Promise<string> {
  const ready = readyJsonOf(before)
  if (ready !== undefined) return ready
  const isNumeric = op === 'increment' || op === 'max' || op === 'min'
  const isLong = before.size > limits.numberLengthMax
  const view =
    isNumeric && isLong ? ({ kind: 'not-number' } as const) : await jsonViewOf(before, store)
  if (view.kind === 'json') return view.text
  const wanted = view.kind === 'not-number' ? 'a number' : 'JSON'
  const { contentType, size } = before
  throw new StorageError(
    'wrong-value-type',
    `"${op}" needs ${wanted}, and the value is ${size} bytes of ${contentType}.`,
  )
}
