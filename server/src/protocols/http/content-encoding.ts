import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  gunzipSync,
  inflateRawSync,
  inflateSync,
} from 'node:zlib'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'

/** The content encodings that values may have; '' is none. */
export type ContentEncoding = 'br' | 'gzip' | 'deflate'

const decoders = {
  br: { sync: brotliDecompressSync, stream: createBrotliDecompress },
  gzip: { sync: gunzipSync, stream: createGunzip },
  deflate: { sync: inflateSync, stream: createInflate },
} as const satisfies Record<ContentEncoding, unknown>

/** For bodies that are called `deflate` but lack the zlib header (RFC 9110, 8.4.1.2). */
const rawDeflate = { sync: inflateRawSync, stream: createInflateRaw } as const

type Decoder = (typeof decoders)[ContentEncoding] | typeof rawDeflate

/** The bytes do not decode, or decode to more than is allowed. */
export class DecodingError extends Error {
  readonly reason: 'malformed' | 'too-large'

  constructor(reason: 'malformed' | 'too-large', cause?: unknown) {
    super(`The encoded bytes are ${reason}.`, { cause })
    this.name = 'DecodingError'
    this.reason = reason
  }
}

/** An encoding as it is compared: `x-gzip` is another name of `gzip` (RFC 9110, 8.4.1.3). */
export function encodingName(text: string): string {
  const name = text.trim().toLowerCase()
  return name === 'x-gzip' ? 'gzip' : name
}

export function isContentEncoding(text: string): text is ContentEncoding {
  return Object.hasOwn(decoders, text)
}

/** Decodes all bytes. Never holds much more than `outputBytesMax`. Throws DecodingError. */
export async function decodeBytes(
  bytes: Bytes,
  { encoding, outputBytesMax }: { encoding: ContentEncoding; outputBytesMax: number },
): Promise<Buffer> {
  const isShort = bytes.length <= limits.decodedAtOnceBytesMax
  const short = isShort && decodeAtOnce(bytes, { encoding, outputBytesMax })
  if (short) return short
  const parts: Bytes[] = []
  for await (const part of decodeStream([bytes], { encoding, outputBytesMax })) parts.push(part)
  return Buffer.concat(parts)
}

/** Decodes while the result is read. Throws DecodingError. */
export async function* decodeStream(
  chunks: AsyncIterable<Bytes> | Iterable<Bytes>,
  { encoding, outputBytesMax }: { encoding: ContentEncoding; outputBytesMax: number },
): AsyncGenerator<Bytes> {
  const source = await PeekedSource.of(chunks)
  const decoder = decoderOf(encoding, source.first).stream()
  // Ignored here, because the loop below reads the same stream and gets the same failure.
  const feeding = pipeline(Readable.from(source, { objectMode: false }), decoder).catch(
    () => undefined,
  )
  let length = 0
  try {
    for await (const part of decoder) {
      length += part.length
      if (length > outputBytesMax) throw new DecodingError('too-large')
      yield part
    }
  } catch (error) {
    throw isZlibError(error) ? new DecodingError('malformed', error) : error
  } finally {
    decoder.destroy()
    await feeding
  }
}

/** Undefined: the result is long. A few bytes may stand for gigabytes. */
function decodeAtOnce(
  bytes: Bytes,
  { encoding, outputBytesMax }: { encoding: ContentEncoding; outputBytesMax: number },
): Buffer | undefined {
  const maxOutputLength = Math.min(outputBytesMax, limits.chunkBytes)
  try {
    return decoderOf(encoding, bytes).sync(bytes, { maxOutputLength })
  } catch (error) {
    const isTooLarge = codeOf(error) === 'ERR_BUFFER_TOO_LARGE'
    if (isTooLarge && maxOutputLength < outputBytesMax) return undefined
    throw new DecodingError(isTooLarge ? 'too-large' : 'malformed', error)
  }
}

/** `first` are the first bytes, at least two if there are as many. */
function decoderOf(encoding: ContentEncoding, first: Bytes): Decoder {
  return encoding === 'deflate' && !hasZlibHeader(first) ? rawDeflate : decoders[encoding]
}

/** RFC 1950, 2.2: method 8, and a check that the two bytes are a multiple of 31. */
function hasZlibHeader([method, flags]: Bytes): boolean {
  if (method === undefined || flags === undefined) return true
  return (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0
}

/** Parts whose first one is known before they are read. Closing them closes the source. */
class PeekedSource implements AsyncIterable<Bytes> {
  readonly first: Bytes
  readonly #rest: AsyncIterator<Bytes> | Iterator<Bytes>

  private constructor(first: Bytes, rest: AsyncIterator<Bytes> | Iterator<Bytes>) {
    this.first = first
    this.#rest = rest
  }

  static async of(chunks: AsyncIterable<Bytes> | Iterable<Bytes>): Promise<PeekedSource> {
    const parts =
      Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
    let first: Bytes = new Uint8Array(0)
    while (first.length < headerBytes) {
      const { value, done } = await parts.next()
      if (done) break
      first = first.length === 0 ? value : Buffer.concat([first, value])
    }
    return new PeekedSource(first, parts)
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    let first = this.first.length > 0 ? this.first : undefined
    const next = async (): Promise<IteratorResult<Bytes>> => {
      if (!first) return this.#rest.next()
      const value = first
      first = undefined
      return { value, done: false }
    }
    const close = async (): Promise<IteratorResult<Bytes>> =>
      (await this.#rest.return?.()) ?? { value: undefined, done: true }
    return { next, return: close }
  }
}

const headerBytes = 2

function isZlibError(error: unknown): boolean {
  const code = codeOf(error)
  return code.startsWith('Z_') || code.startsWith('ERR_')
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
