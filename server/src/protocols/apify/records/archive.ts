import { mediaTypeOf } from '../../../core/identity/store-schema.ts'
import { orElse } from '../../../core/kernel/awaitable.ts'
import type { Bytes } from '../../../core/kernel/bytes.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { DecodingError } from '../../http/content-encoding.ts'
import { type ZipEntry, zipStream } from '../../http/zip.ts'
import { whileAllowed } from '../../rest/while-allowed.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { spellKey } from '../call/key-spelling.ts'
import { listing } from '../call/links.ts'
import { listSelected, type Selection, selectionOf } from '../stores/collections.ts'
import { decodedParts } from './decoded.ts'

/** What is small is looked at as a whole before its entry begins. */
const previewBytesMax = 1_048_576
/** Below this, compressing costs more than it saves. */
const compressedBytesMin = 4_096
const reportedProblemsMax = 1_000

/**
 * GET .../records: a ZIP of all records, decoded, each as it was at one moment, in the order of
 * their keys. The file of a record is named as this door spells its key.
 */
export async function getArchive(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, listing(call))
  const { name, id } = await store.identity()
  const selection = await selectionOf(call, store)
  const headers = {
    'Content-Type': 'application/zip',
    'Content-Disposition': `attachment; filename="${name ?? id}.zip"`,
    'X-Content-Type-Options': 'nosniff',
  }
  if (call.request.method === 'HEAD') return { status: 200, headers, body: '' }
  const body = zipStream(archiveEntries(call, { store, selection }))
  return whileAllowed({ status: 200, headers, body }, store)
}

/** What an archive of at most `recordsMax` records holds. */
export async function* archiveEntries(
  call: Pick<ApifyCall, 'environment' | 'request'>,
  {
    store,
    selection,
    recordsMax = limits.archiveRecordsMax,
  }: { store: Store; selection: Selection; recordsMax?: number },
): AsyncGenerator<ZipEntry> {
  const problems = new Problems(call)
  let count = 0
  for await (const key of keys(store, selection)) {
    count += 1
    if (count > recordsMax) {
      problems.addRest(key, recordsMax)
      break
    }
    const record = await orElse(
      () => store.get(key),
      (error) => problems.addUnreadable(key, error),
    )
    // Without one it was deleted meanwhile, or can't be read.
    if (record) yield* entriesOf(record, problems)
  }
  yield* problems.report()
}

/** A page at a time; what comes and goes behind the page is seen or not, and breaks nothing. */
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
 * One entry; or, where the value turns out to be no such encoding, one of the stored bytes, beside
 * what could be decoded by then.
 */
async function* entriesOf(record: StoreRecord, problems: Problems): AsyncGenerator<ZipEntry> {
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

/** Ends where reading fails, so that the archive goes on. */
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
    isCompressible: !isSmall && !isCompressed(record.contentType),
    content,
  }
}

/** No spelling of a key holds `%.`, so that no other record has this name. */
function storedEntryOf(record: StoreRecord, problems: Problems): ZipEntry {
  const { key, contentEncoding, modifiedAt, value } = record
  return {
    name: `${nameOf(key)}%.${contentEncoding}`,
    modifiedAt,
    comment: `As it is stored: it can't be decoded as ${contentEncoding}.`,
    isCompressible: false,
    content: remembering({ parts: [], isWhole: false }, value.chunks(), (error) =>
      problems.add(record, error),
    ),
  }
}

/** The spelling of '' is '', which can't name a file; `%` alone spells no key. */
function nameOf(key: string): string {
  return spellKey(key) || '%'
}

/** Types that are compressed in themselves, with few exceptions that don't matter. */
function isCompressed(contentType: string): boolean {
  const type = mediaTypeOf(contentType)
  if (type === 'image/svg+xml' || type === 'image/bmp' || type === 'audio/wav') return false
  return /^(image|audio|video|font)\/|^application\/(zip|gzip|x-7z|x-bzip|pdf|vnd\.rar)/.test(type)
}

/** What of the records is not in the archive as it should be: it is told in a file at the end. */
class Problems {
  readonly #call: Pick<ApifyCall, 'environment' | 'request'>
  readonly #lines: string[] = []
  #count = 0

  constructor(call: Pick<ApifyCall, 'environment' | 'request'>) {
    this.#call = call
  }

  /** Throws what is not the fault of this one record. */
  addUnreadable(key: string, error: unknown): undefined {
    this.#log(error)
    this.#note(key, 'it is damaged on disk and left out')
  }

  /** Throws what is not the fault of this one record. */
  add({ key, contentEncoding }: StoreRecord, error: unknown): void {
    if (error instanceof DecodingError) {
      const why =
        error.reason === 'too-large' ? 'it decodes to too much' : `it is no ${contentEncoding}`
      this.#note(key, `${why}; a file beside it holds the bytes as they are stored`)
      return
    }
    this.#log(error)
    this.#note(key, 'it is damaged on disk; what could be read of it may be here')
  }

  /** The archive is full. */
  addRest(key: string, recordsMax: number): void {
    const most = `an archive holds ${recordsMax} records; use prefix or collection`
    this.#note(key, `it and all behind it are left out: ${most}`)
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
      content: Buffer.from(`Not complete in this archive:\n${this.#lines.join('')}${rest}`),
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
