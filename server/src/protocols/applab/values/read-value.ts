import { StorageError } from '../../../core/kernel/errors.ts'
import type { PageValue } from '../../../core/pages/page-rules.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { ifReadable, jsonViewOf, readyJsonOf } from '../../json/json-value.ts'
import { readValueLengthMax } from './wire.ts'

/**
 * A value as JSON text; undefined: it is not JSON. Throws `value-too-large`,
 * `content-encoding-invalid`, `record-damaged`.
 */
export async function jsonTextOf(store: Store, record: StoreRecord): Promise<string | undefined> {
  const ready = readyJsonOf(record)
  if (ready !== undefined) return ready
  const view = await jsonViewOf(record, store)
  return view.kind === 'json' ? view.text : undefined
}

/** As `jsonTextOf`, for pages: they get only values that are not too large for them. */
export async function pageTextOf(store: Store, record: StoreRecord): Promise<string | undefined> {
  const text = await jsonTextOf(store, record)
  if (text === undefined || text.length <= readValueLengthMax) return text
  const rule = `${readValueLengthMax} characters`
  throw new StorageError('value-too-large', `This value is over ${rule}, too large for pages.`)
}

/**
 * A record as pages see it: `null` counts as absent, and a value that pages can't read as not JSON.
 * Throws `record-damaged`.
 */
export async function pageValueOf(
  store: Store,
  record: StoreRecord | undefined,
): Promise<PageValue> {
  if (!record) return { kind: 'absent' }
  const text = await ifReadable(() => pageTextOf(store, record))
  return text === undefined ? { kind: 'not-json' } : pageValueIn(text)
}

/** `text` is JSON. */
export function pageValueIn(text: string): PageValue {
  return text.trim() === 'null' ? { kind: 'absent' } : { kind: 'json', text }
}
