import { StorageError } from '../../core/errors.ts'
import type { PageValue } from '../../core/page-rules.ts'
import type { StoreRecord } from '../../core/record.ts'
import type { Store } from '../../core/store.ts'
import { jsonViewOf, readyJsonOf } from '../json-value.ts'
import { readValueLengthMax } from './wire.ts'

/**
 * A value as JSON text; undefined where it is none. Throws `value-too-large`,
 * `content-encoding-invalid`, `record-damaged`.
 */
export async function jsonTextOf(store: Store, record: StoreRecord): Promise<string | undefined> {
  const text = readyJsonOf(record) ?? (await viewedText(store, record))
  if (text === undefined || text.length <= readValueLengthMax) return text
  const rule = `${readValueLengthMax} characters`
  throw new StorageError('value-too-large', `This value is over ${rule}, too large for pages.`)
}

async function viewedText(store: Store, record: StoreRecord): Promise<string | undefined> {
  const view = await jsonViewOf(record, store)
  return view.kind === 'json' ? view.text : undefined
}

/** As `jsonTextOf`, where what pages can't read counts as no JSON. Throws `record-damaged`. */
async function readableText(store: Store, record: StoreRecord): Promise<string | undefined> {
  try {
    return await jsonTextOf(store, record)
  } catch (error) {
    if (error instanceof StorageError && unreadable.includes(error.code)) return undefined
    throw error
  }
}

const unreadable: readonly string[] = ['value-too-large', 'content-encoding-invalid']

/** What is there as a page sees it, to which null is nothing. Throws `record-damaged`. */
export async function pageValueOf(
  store: Store,
  record: StoreRecord | undefined,
): Promise<PageValue> {
  if (!record) return { kind: 'absent' }
  const text = await readableText(store, record)
  return text === undefined ? { kind: 'not-json' } : pageValueIn(text)
}

/** `text` is JSON. */
export function pageValueIn(text: string): PageValue {
  const value: unknown = JSON.parse(text)
  return value === null ? { kind: 'absent' } : { kind: 'json', value }
}
