import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  gunzipSync,
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

/** The bytes do not decode, or decode to more than is allowed. */
export class DecodingError extends Error {
  readonly reason: 'malformed' | 'too-large'

  constructor(reason: 'malformed' | 'too-large', cause?: unknown) {
    super(`The encoded bytes are ${reason}.`, { cause })
    this.name = 'DecodingError'
    this.reason = reason
  }
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
  const decoder = decoders[encoding].stream()
  // Ignored here, because the loop below reads the same stream and gets the same failure.
  const feeding = pipeline(Readable.from(chunks, { objectMode: false }), decoder).catch(
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
    return decoders[encoding].sync(bytes, { maxOutputLength })
  } catch (error) {
    const isTooLarge = codeOf(error) === 'ERR_BUFFER_TOO_LARGE'
    if (isTooLarge && maxOutputLength < outputBytesMax) return undefined
    throw new DecodingError(isTooLarge ? 'too-large' : 'malformed', error)
  }
}

function isZlibError(error: unknown): boolean {
  const code = codeOf(error)
  return code.startsWith('Z_') || code.startsWith('ERR_') || code.startsWith('ERR__')
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
