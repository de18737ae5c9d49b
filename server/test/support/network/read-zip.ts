import { buffer } from 'node:stream/consumers'
import { type Entry, fromBuffer, type ZipFile } from 'yauzl'

/** A file of an archive. */
export interface ZippedFile {
  readonly name: string
  readonly comment: string
  /** 0: stored, 8: deflated. */
  readonly method: number
  readonly bytes: Buffer
}

/**
 * All files of an archive, read by a library that the server does not write it with. Throws if a
 * size or checksum is wrong.
 */
export async function readZip(archive: Buffer): Promise<ZippedFile[]> {
  const files: ZippedFile[] = []
  for (const entry of await readEntries(archive)) files.push(await readFile(archive, entry))
  return files
}

/** The contents by name, as text. */
export async function readTexts(archive: Buffer): Promise<Record<string, string>> {
  const files = await readZip(archive)
  return Object.fromEntries(files.map(({ name, bytes }) => [name, bytes.toString()]))
}

/** The entries of the central directory. */
export async function readEntries(archive: Buffer): Promise<Entry[]> {
  const zip = await open(archive)
  const entries: Entry[] = []
  const { promise, resolve, reject } = Promise.withResolvers<Entry[]>()
  zip.on('entry', (entry: Entry) => {
    entries.push(entry)
    zip.readEntry()
  })
  zip.on('end', () => resolve(entries))
  zip.on('error', reject)
  zip.readEntry()
  return promise
}

async function readFile(archive: Buffer, entry: Entry): Promise<ZippedFile> {
  const zip = await open(archive)
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  zip.openReadStream(entry, (error, stream) => {
    if (stream) buffer(stream).then(resolve, reject)
    else reject(error)
  })
  const { fileName: name, fileComment: comment, compressionMethod: method } = entry
  const bytes = await promise
  if (bytes.length !== entry.uncompressedSize) throw new Error(`${name} has another size.`)
  return { name, comment, method, bytes }
}

function open(archive: Buffer): Promise<ZipFile> {
  const { promise, resolve, reject } = Promise.withResolvers<ZipFile>()
  fromBuffer(archive, { lazyEntries: true, strictFileNames: true }, (error, zip) => {
    if (zip) resolve(zip)
    else reject(error)
  })
  return promise
}
