import { CoatcheckError } from '../../../../../client/src/http/errors.ts'
import { spellingOf } from '../../../../../client/src/records/address.ts'
import { copyText } from '../../parts/tag.tsx'
import { say } from '../../parts/toasts.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { calling } from '../../server/calling.ts'
import { storePath } from '../../stores/data/store-rows.ts'
import { type RecordAt, refreshRow } from './record-row.ts'
import { type RecordValue, readAll } from './record-value.ts'

const answerBytesMax = 65_536
/** A deletion of more can't be taken back. */
export const undoBytesMax = 16 * 1_048_576

export interface Saved {
  readonly contentType: string
  readonly body: string | RecordValue['bytes']
  readonly contentEncoding?: string | undefined
  /** Only if the record has this revision; 0: only if there is none. */
  readonly ifRevision: number
}

/** Stores a value. Resolves with its revision; rejects with CoatcheckError. */
export async function saveRecord(at: RecordAt, saved: Saved): Promise<number> {
  const { contentType, body, contentEncoding, ifRevision } = saved
  const condition = ifRevision === 0 ? { 'If-None-Match': '*' } : { 'If-Match': `"${ifRevision}"` }
  const headers = {
    'Content-Type': contentType,
    ...(contentEncoding !== undefined && { 'Content-Encoding': contentEncoding }),
    ...condition,
  }
  const request = { ...targetOf(at), method: 'PUT', headers, body }
  const revision = await calling(request, async (answer) => {
    await answer.bytes(answerBytesMax)
    return Number(/^"(\d+)/.exec(answer.header('etag'))?.[1] ?? 0)
  })
  void refreshRow(at)
  return revision
}

/** Whether a write was refused because the record is not the one that was seen. */
export function isChanged(error: unknown): boolean {
  return error instanceof CoatcheckError && error.status === 412
}

/**
 * Deletes a record that was seen, if it still has the revision. Undo puts it back with its bytes,
 * type and encoding. Rejects with CoatcheckError.
 */
async function deleteRecord(at: RecordAt, seen: number): Promise<void> {
  const value = await readAll(at, 'stored', undoBytesMax)
  await removeRecord(at, seen)
  say({
    text: `Deleted ${shownKey(at.key)}.`,
    action: { name: 'Undo', onAction: () => void putBack(at, value) },
  })
}

/** As `deleteRecord`, and says what went wrong. Returns whether it is gone. */
export async function deleteOrSay(at: RecordAt, seen: number): Promise<boolean> {
  try {
    await deleteRecord(at, seen)
    return true
  } catch (error) {
    const text = isChanged(error)
      ? `${shownKey(at.key)} has just changed. It was not deleted.`
      : sentenceOf(error)
    say({ text, isError: true })
    return false
  }
}

/** Copies the link of a record, and says so. */
export async function copyLink(url: string): Promise<void> {
  try {
    await copyText(url)
    say({ text: 'The link is copied. It opens for everybody who has it.' })
  } catch (error) {
    say({ text: `The link was not copied: ${sentenceOf(error)}`, isError: true })
  }
}

/** Deletes a record if it has this revision. Rejects with CoatcheckError. */
export async function removeRecord(at: RecordAt, revision: number): Promise<void> {
  const headers = { 'If-Match': `"${revision}"` }
  await calling({ ...targetOf(at), method: 'DELETE', headers }, (answer) =>
    answer.bytes(answerBytesMax),
  )
  void refreshRow(at)
}

async function putBack(at: RecordAt, { bytes, contentType, headers }: RecordValue): Promise<void> {
  const encoding = headers.find(([name]) => name === 'coatcheck-stored-encoding')?.[1]
  try {
    await saveRecord(at, { contentType, body: bytes, contentEncoding: encoding, ifRevision: 0 })
    say({ text: `${shownKey(at.key)} is there again.` })
  } catch (error) {
    const why = isChanged(error)
      ? `Meanwhile there is another record ${shownKey(at.key)}. It was left alone.`
      : sentenceOf(error)
    const again = {
      name: 'Try again',
      onAction: () => void putBack(at, { ...empty, bytes, contentType, headers }),
    }
    say({ text: why, isError: true, ...(!isChanged(error) && { action: again }) })
  }
}

const empty = { isWhole: true, size: undefined, revision: 0 } as const

/** Gives a record another key. Rejects with CoatcheckError. */
export async function moveRecord({ storeId, key }: RecordAt, to: string): Promise<void> {
  const body = JSON.stringify({ from: spellingOf(key), to: spellingOf(to) })
  const headers = { 'Content-Type': 'application/json' }
  const path = `${storePath(storeId)}/move`
  await calling({ method: 'POST', path, headers, body }, (answer) => answer.bytes(answerBytesMax))
  void refreshRow({ storeId, key })
}

/** The path of a record, for a ticket. */
export function recordPath({ storeId, key }: RecordAt, rest = ''): string {
  return `${storePath(storeId)}/record?key=${encodeURIComponent(key)}${rest}`
}

/** The last part of a key, as a file is named. */
export function fileNameOf(key: string): string {
  return key.split('/').at(-1) || 'record'
}

/** A key in a sentence: also an empty one is seen. */
export function shownKey(key: string): string {
  return key === '' ? "''" : key
}

function targetOf({ storeId, key }: RecordAt) {
  return { path: `${storePath(storeId)}/record`, query: { key } }
}
