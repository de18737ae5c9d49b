import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'

/** A file of an archive. */
export interface ZipEntry {
  readonly name: string
  /** Milliseconds since 1970. */
  readonly modifiedAt: number
  /** '' for none. */
  readonly comment: string
  /** Whether compressing it is worth the work. */
  readonly isCompressible: boolean
  /** Read while the archive is read, and to its end before the next entry is requested. */
  readonly content: Bytes | AsyncIterable<Bytes>
}

/** The fastest level, because an archive is sent while it is made. */
const compressionLevel = 1

/**
 * A ZIP archive (ZIP64 if necessary), made while it is read. Fewer than ten parts of contents are
 * in memory. Closing it closes `entries` and the content that is being read. Throws their errors.
 */
export async function* zipStream(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Bytes> {
  const zip = new ZipFile()
  const output = outputOf(zip)
  const end = new AbortController()
  const writing = writeAll(zip, { entries, output, signal: end.signal }).catch((error: unknown) => {
    if (!end.signal.aborted)
      output.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  try {
    for await (const part of output) yield part
  } finally {
    end.abort()
    output.destroy()
    await writing
  }
}

function outputOf(zip: ZipFile): PassThrough {
  const { outputStream } = zip
  if (!(outputStream instanceof PassThrough))
    throw new Error('The output of yazl must be a PassThrough.')
  zip.on('error', (error) => outputStream.destroy(error))
  return outputStream
}

interface Archive {
  readonly entries: AsyncIterable<ZipEntry>
  readonly output: PassThrough
  readonly signal: AbortSignal
}

async function writeAll(zip: ZipFile, { entries, output, signal }: Archive): Promise<void> {
  const { zipListedEntriesMax: listedMax, zipUnwrittenEntriesMax: unwrittenMax } = limits
  const listed = listOf(zip)
  const done: unknown[] = []
  for await (const entry of entries) {
    if (signal.aborted) return
    await writeEntry(zip, entry, signal)
    if (output.writableNeedDrain) await once(output, 'drain', { signal })
    // For each added entry, yazl scans its whole list. Written entries are not needed in the list
    // before the end. Only the newest entries may still be unwritten.
    if (listed.length > listedMax) done.push(...listed.splice(0, listedMax - unwrittenMax))
  }
  const newest = listed.splice(0)
  for (const entry of [...done, ...newest]) listed.push(entry)
  zip.end()
}

/** yazl's own list of entries, which its types leave out. */
function listOf(zip: ZipFile): unknown[] {
  if ('entries' in zip && Array.isArray(zip.entries)) return zip.entries
  throw new Error('yazl must keep the entries of an archive in a list.')
}

async function writeEntry(zip: ZipFile, entry: ZipEntry, signal: AbortSignal): Promise<void> {
  const { name, modifiedAt, comment, isCompressible, content } = entry
  const options = {
    mtime: new Date(modifiedAt),
    compressionLevel: isCompressible ? compressionLevel : 0,
    fileComment: comment,
  }
  if (content instanceof Uint8Array && !isCompressible) {
    zip.addBuffer(Buffer.from(content.buffer, content.byteOffset, content.length), name, options)
    return
  }
  const parts = content instanceof Uint8Array ? [content] : content
  const source = Readable.from(parts, { objectMode: false })
  const close = (): unknown => source.destroy()
  signal.addEventListener('abort', close)
  zip.addReadStreamLazy(name, options, (give) => give(null, source))
  try {
    await finished(source)
  } finally {
    signal.removeEventListener('abort', close)
  }
}
