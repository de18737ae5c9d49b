import { isContentLinkText } from '../identity/content-link.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { isContentType } from '../values/content-type.ts'

// Apify's DNS_SAFE_NAME_REGEX (@apify/consts): letters, digits, and hyphens inside.
const storeName = /^([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])$/

export function isStoreName(name: string): boolean {
  return name.length <= limits.storeNameLengthMax && storeName.test(name)
}

/** Throws `store-name-invalid`. */
export function assertStoreName(name: string): void {
  if (isStoreName(name)) return
  throw new StorageError('store-name-invalid', whyNoStoreName(name))
}

function whyNoStoreName(name: string): string {
  const { storeNameLengthMax: lengthMax } = limits
  if (name === '') return 'The name is empty.'
  const [char] = /[^a-zA-Z0-9-]/u.exec(name) ?? []
  const shown = `The name ${JSON.stringify(name.slice(0, 100))}`
  if (char !== undefined) return `${shown} contains ${JSON.stringify(char)}.`
  if (name.length <= lengthMax) return `${shown} begins or ends with a hyphen.`
  return `The name has ${name.length} characters, and at most ${lengthMax} are possible.`
}

/** Throws `store-title-invalid`. */
export function assertStoreTitle(title: string): void {
  if (title.length <= limits.storeTitleLengthMax && title.isWellFormed()) return
  const rule = `at most ${limits.storeTitleLengthMax} characters, this one ${title.length}`
  const why = title.isWellFormed() ? rule : 'only characters that can be written as UTF-8'
  throw new StorageError('store-title-invalid', `A store's title has ${why}.`)
}

/**
 * Any text that can be written as UTF-8, in at most 2,400 bytes, even ''. Throws
 * `record-key-invalid`.
 */
export function assertRecordKey(key: string): void {
  if (!key.isWellFormed()) {
    throw new StorageError(
      'record-key-invalid',
      'A record key must be text that can be written as UTF-8.',
    )
  }
  if (key.length * 3 <= limits.recordKeyBytesMax) return
  const bytes = Buffer.byteLength(key)
  if (bytes <= limits.recordKeyBytesMax) return
  const rule = `at most ${limits.recordKeyBytesMax} bytes of UTF-8`
  throw new StorageError('record-key-invalid', `A record key has ${rule}, this one ${bytes}.`)
}

/**
 * To be called before a record is stored. No record may have a key whose signed link would open the
 * whole store. Throws `record-key-invalid`.
 */
export function assertOpensNoStore(key: string, storeId: string): void {
  if (!isContentLinkText(key, storeId)) return
  const why = 'its link would open the whole store'
  throw new StorageError('record-key-invalid', `A record can't have this key: ${why}.`)
}

/** Throws `content-type-invalid`. */
export function assertContentType(contentType: string): void {
  if (contentType.length <= limits.contentTypeLengthMax && isContentType(contentType)) return
  const { contentTypeLengthMax: lengthMax } = limits
  const isLong = contentType.length > lengthMax
  const length = `has ${contentType.length} characters, and at most ${lengthMax} are possible`
  const shown = `${JSON.stringify(contentType)} is not a valid media type`
  throw new StorageError('content-type-invalid', `The content type ${isLong ? length : shown}.`)
}

/** Throws `too-many`, `record-key-invalid`. */
export function assertBatch(keys: readonly string[]): void {
  if (keys.length > limits.batchRecordsMax) {
    throw new StorageError(
      'too-many',
      `At most ${limits.batchRecordsMax} records are allowed at once.`,
    )
  }
  let bytes = 0
  for (const key of keys) {
    assertRecordKey(key)
    bytes += Buffer.byteLength(key)
  }
  if (bytes <= limits.batchKeysBytesMax) return
  throw new StorageError(
    'too-many',
    `At most ${limits.batchKeysBytesMax} bytes of keys are allowed at once.`,
  )
}

/** What one record takes of a commit besides its key and value: its info, marks and the log. */
const overheadBytes = 512
/** Where the key of a record occurs: in a check, its entry, the log, and once to spare. */
const keysPerRecord = 4

/**
 * To be called before records are written by one commit. Throws `too-many` if they do not fit into
 * one.
 */
export function assertOneCommit(
  changes: Iterable<{
    readonly key: string
    /** Undefined: it is deleted. */
    readonly record: { readonly bytes: Uint8Array } | undefined
  }>,
): void {
  let room = limits.commitBytesMax
  for (const { key, record } of changes) {
    room -= (record?.bytes.length ?? 0) + keysPerRecord * Buffer.byteLength(key) + overheadBytes
    if (room >= 0) continue
    const rule = `at most ${limits.commitBytesMax} bytes of keys and values`
    throw new StorageError('too-many', `Records that are written at once may have ${rule}.`)
  }
}
