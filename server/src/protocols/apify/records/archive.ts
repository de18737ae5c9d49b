import { keyPrefixOf } from '../../../core/access/access.ts'
import type { StoreInfo } from '../../../core/identity/identity.ts'
import { orElse } from '../../../core/kernel/awaitable.ts'
import type { Bytes } from '../../../core/kernel/bytes.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import { assertWithin } from '../../../core/stores/delete-many.ts'
import type { Store } from '../../../core/stores/store.ts'
import { isCompressedType } from '../../../core/values/content-type.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { DecodingError } from '../../http/content-encoding.ts'
import { decodedParts } from '../../http/decoded-values.ts'
import { type ZipEntry, zipStream } from '../../http/zip.ts'
import { Fields, invalidField } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { ownerOf } from '../../rest/routes.ts'
import { ending, whileAllowed } from '../../rest/while-allowed.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { keyOfSpelling, spellKey } from '../call/key-spelling.ts'
import { listing } from '../call/links.ts'
import { listSelected, type Selection, selectionOf } from '../stores/collections.ts'
import { previewBytesMax, reportedProblemsMax } from '../stores/wire.ts'

/** Below this, compressing costs more than it saves. */
const compressedBytesMin = 4_096

/**
 * GET .../records: a ZIP of all records, decoded, in the order of their keys. Each record is as it
 * was at one moment. Its file name is the key, as this door spells it.
 */
export async function getArchive(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, listing(call))
  const info = await store.info()
  const selection = await selectionOf(call, store)
  if (call.request.method === 'HEAD') return { status: 200, headers: headersOf(info), body: '' }
  return archiveReply(call, { store, info, count: info.recordCount, keys: keys(store, selection) })
}

/**
 * POST .../archive `{"keys": [...]}`: the same ZIP, of the records with these keys, in the order of
 * the list. Keys without a record are named in `%problems.txt`.
 */
export async function postArchive(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, listing(call))
  const fields = new Fields(await readJsonObject(call, { isOptional: false }), ['keys'])
  const spellings = fields.texts('keys')
  if (!spellings) throw invalidField('keys is required')
  if (spellings.length > limits.archivedKeysMax) {
    throw invalidField(`keys may have at most ${limits.archivedKeysMax} items`)
  }
  const chosen = new Set(spellings.map(keyOfSpelling))
  const info = await store.info()
  assertWithin([...chosen], keyPrefixOf(call.principal, info))
  return archiveReply(call, { store, info, count: chosen.size, keys: chosen, namesMissing: true })
}

function headersOf({ name, id }: StoreInfo): HttpReply['headers'] {
  return {
    'Content-Type': 'application/zip',
    'Content-Disposition': `attachment; filename="${name ?? id}.zip"`,
    'X-Content-Type-Options': 'nosniff',
  }
}

function archiveReply(
  call: ApifyCall,
  { store, info, count, ...wanted }: Archived & { info: StoreInfo; count: number },
): HttpReply {
  const room = takeRoom(call, count)
  const body = ending(zipStream(archiveEntries(call, { store, ...wanted })), room)
  return whileAllowed({ status: 200, headers: headersOf(info), body }, store)
}

/** Room for the directory of an archive, until its end. Throws `store-busy` if there is none. */
export function takeRoom(
  call: Pick<ApifyCall, 'archives' | 'principal' | 'request'>,
  recordCount: number,
): Disposable {
  const holding = call.archives.open(ownerOf(call))
  const entries = Math.min(recordCount, limits.archiveRecordsMax)
  if (!holding.take(entries * limits.archiveEntryBytes)) {
    throw new StorageError('store-busy', 'Too many large archives are being made. Try again.')
  }
  return { [Symbol.dispose]: () => holding.set(0) }
}

/** What an archive is made of. */
interface Archived {
  readonly store: Store
  readonly keys: AsyncIterable<string> | Iterable<string>
  readonly recordsMax?: number
  /** Whether keys without a record are a problem. */
  readonly namesMissing?: boolean
}

/** The entries of an archive of at most `recordsMax` records. */
export async function* archiveEntries(
  call: Pick<ApifyCall, 'environment' | 'request'>,
  { store, keys, recordsMax = limits.archiveRecordsMax, namesMissing = false }: Archived,
): AsyncGenerator<ZipEntry> {
  const problems = new Problems(call)
  let count = 0
  for await (const key of keys) {
    count += 1
    if (count > recordsMax) {
      problems.addRest(key, recordsMax)
      break
    }
    const record = await orElse(
      () => store.get(key),
      (error) => problems.addUnreadable(key, error),
    )
    // Undefined: the record does not exist, was deleted meanwhile, or can't be read.
    if (record) yield* entriesOf(record, problems)
    else if (namesMissing) problems.addMissing(key)
  }
  yield* problems.report()
}

/** Reads a page at a time. A record that is added or deleted meanwhile may be listed or not. */
async function* keys(store: Store, selection: Selection): AsyncGenerator<string> {
  let startAfter: string | undefined
  for (;;) {
    const page = await listSelected(store, { selection, startAfter, limit: limits.pageItemsMax })
    for (const { key } of page.items) yield key
    startAfter = page.items.at(-1)?.key
    if (!page.isTruncated) return
  }
}

/**
 * The entry of a record. If its value can't be decoded, there is an entry with the stored bytes,
 * and the first entry is missing or holds the part that could be decoded.
 */
async function* entriesOf(record: StoreRecord, problems: Problems): AsyncGenerator<ZipEntry> {
  using _ = record.value
  const parts = decodedParts(record)
  let failure: unknown
  try {
    const preview = await previewOf(parts)
    const rest = remembering(preview, parts, (error) => {
      failure = error
    })
    yield entryOf(record, preview.isWhole ? Buffer.concat(preview.parts) : rest)
  } catch (error) {
    failure = error
  } finally {
    await parts.return(undefined)
  }
  if (failure === undefined) return
  problems.add(record, failure)
  if (failure instanceof DecodingError) yield storedEntryOf(record, problems)
}

interface Preview {
  readonly parts: readonly Bytes[]
  readonly isWhole: boolean
}

async function previewOf(parts: AsyncGenerator<Bytes>): Promise<Preview> {
  const taken: Bytes[] = []
  let length = 0
  while (length <= previewBytesMax) {
    const { value, done } = await parts.next()
    if (done) return { parts: taken, isWhole: true }
    taken.push(value)
    length += value.length
  }
  return { parts: taken, isWhole: false }
}

/** Ends at a read error instead of throwing it, so that the archive can continue. */
async function* remembering(
  preview: Preview,
  rest: AsyncIterable<Bytes>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<Bytes> {
  yield* preview.parts
  try {
    yield* rest
  } catch (error) {
    onFailure(error)
  }
}

function entryOf(record: StoreRecord, content: ZipEntry['content']): ZipEntry {
  const isSmall = content instanceof Uint8Array && content.length < compressedBytesMin
  return {
    name: nameOf(record.key),
    modifiedAt: record.modifiedAt,
    comment: '',
    isCompressible: !isSmall && !isCompressedType(record.contentType),
    content,
  }
}

/** The spelling of a key never contains `%.`, so no other record has this file name. */
function storedEntryOf(record: StoreRecord, problems: Problems): ZipEntry {
  const { key, contentEncoding, modifiedAt, value } = record
  return {
    name: `${nameOf(key)}%.${contentEncoding}`,
    modifiedAt,
    comment: `The stored bytes: they can't be decoded as ${contentEncoding}.`,
    isCompressible: false,
    content: remembering({ parts: [], isWhole: false }, value.chunks(), (error) =>
      problems.add(record, error),
    ),
  }
}

/** The key '' is spelled '', which can't name a file. `%` is free: it is no key's spelling. */
function nameOf(key: string): string {
  return spellKey(key) || '%'
}

/** Collects which records are missing or incomplete. A file at the end of the archive says so. */
class Problems {
  readonly #call: Pick<ApifyCall, 'environment' | 'request'>
  readonly #lines: string[] = []
  #count = 0
  /** The last record that could not be read. */
  #unreadable: string | undefined

  constructor(call: Pick<ApifyCall, 'environment' | 'request'>) {
    this.#call = call
  }

  /** Throws `error` again if it is not `record-damaged`: then not only this record is affected. */
  addUnreadable(key: string, error: unknown): undefined {
    this.#log(error)
    this.#unreadable = key
    this.#note(key, 'it is damaged on disk and left out')
  }

  /** The record is not there, unless it is one that could not be read. */
  addMissing(key: string): void {
    if (this.#unreadable === key) return
    // A longer text than a key can be is not told as a whole.
    this.#note(key.slice(0, limits.recordKeyBytesMax), 'there is no such record')
  }

  /** Throws `error` again if it is neither a DecodingError nor `record-damaged`. */
  add({ key, contentEncoding }: StoreRecord, error: unknown): void {
    if (error instanceof DecodingError) {
      const why =
        error.reason === 'too-large'
          ? 'it decodes to too many bytes'
          : `it is not valid ${contentEncoding}`
      this.#note(key, `${why}; another file holds the stored bytes`)
      return
    }
    this.#log(error)
    this.#note(key, 'it is damaged on disk; its file may hold the part that could be read')
  }

  /** The archive is full: `key` and all keys after it are missing. */
  addRest(key: string, recordsMax: number): void {
    const most = `an archive holds at most ${recordsMax} records; use prefix or collection`
    this.#note(key, `it and all records after it are left out: ${most}`)
  }

  *report(): Generator<ZipEntry> {
    if (this.#count === 0) return
    const more = this.#count - this.#lines.length
    const rest = more > 0 ? `... and ${more} more\n` : ''
    yield {
      name: '%problems.txt',
      modifiedAt: this.#call.environment.now(),
      comment: '',
      isCompressible: false,
      content: Buffer.from(
        `Missing or incomplete in this archive:\n${this.#lines.join('')}${rest}`,
      ),
    }
  }

  #log(error: unknown): void {
    if (!(error instanceof StorageError) || error.code !== 'record-damaged') throw error
    this.#call.environment.logError(`${this.#call.request.path}: a record is damaged`, error)
  }

  #note(key: string, what: string): void {
    this.#count += 1
    if (this.#lines.length < reportedProblemsMax) this.#lines.push(`${nameOf(key)}: ${what}\n`)
  }
}
