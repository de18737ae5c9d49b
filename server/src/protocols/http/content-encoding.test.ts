import { randomBytes } from 'node:crypto'
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type ContentEncoding, decodeBytes, decodeStream } from './content-encoding.ts'

const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const encoders = {
  br: (bytes: Buffer) => brotliCompressSync(bytes, quality),
  gzip: gzipSync,
  deflate: deflateSync,
} as const
const names: readonly ContentEncoding[] = ['br', 'gzip', 'deflate']
const outputBytesMax = 64 * 1_048_576

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

/** In pieces of an awkward size, as chunks of a stored value come. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 999) yield bytes.subarray(start, start + 999)
}

describe.each(names)('decoding %s', (encoding) => {
  it.each([0, 1, 1_000, 300_000])('gives back %d bytes, at once and streamed', async (length) => {
    const bytes = randomBytes(length)
    const encoded = encoders[encoding](bytes)
    expect(await decodeBytes(encoded, { encoding, outputBytesMax })).toEqual(bytes)
    const streamed = decodeStream(pieces(encoded), { encoding, outputBytesMax })
    expect(await collect(streamed)).toEqual(bytes)
  })

  it('reports malformed bytes: not encoded at all, or a stream that is cut short', async () => {
    const cut = encoders[encoding](randomBytes(200_000)).subarray(0, 150_000)
    for (const bytes of [Buffer.from('this is nothing of the kind'), cut]) {
      const options = { encoding, outputBytesMax }
      const malformed = { reason: 'malformed' }
      await expect(decodeBytes(bytes, options)).rejects.toMatchObject(malformed)
      await expect(collect(decodeStream(pieces(bytes), options))).rejects.toMatchObject(malformed)
    }
  })

  it('stops at the size limit', async () => {
    const bomb = encoders[encoding](Buffer.alloc(5_000_000))
    const options = { encoding, outputBytesMax: 1_000_000 }
    const tooLarge = { reason: 'too-large' }
    await expect(decodeBytes(bomb, options)).rejects.toMatchObject(tooLarge)
    await expect(collect(decodeStream([bomb], options))).rejects.toMatchObject(tooLarge)
  })

  it('closes its source when the reader goes away', async () => {
    let closed = false
    const encoded = encoders[encoding](randomBytes(5_000_000))
    function* closing(): Generator<Uint8Array> {
      try {
        yield* pieces(encoded)
      } finally {
        closed = true
      }
    }
    const parts = decodeStream(closing(), { encoding, outputBytesMax })
    await parts.next()
    await parts.return(undefined)
    expect(closed).toBe(true)
  })

  it('passes on an error of its source', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(0)
      throw new Error('damaged')
    }
    const parts = decodeStream(failing(), { encoding, outputBytesMax })
    await expect(collect(parts)).rejects.toThrow('damaged')
  })
})

/** RFC 9110, 8.4.1.2: some clients send `deflate` without the zlib header. */
describe('decoding raw deflate', () => {
  const encoding = 'deflate'

  function* bytewise(bytes: Uint8Array): Generator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += 1) yield bytes.subarray(start, start + 1)
  }

  it.each([0, 1, 1_000, 300_000])('gives back %d bytes, at once and streamed', async (length) => {
    for (const bytes of [randomBytes(length), Buffer.alloc(length, 'text ')]) {
      const encoded = deflateRawSync(bytes)
      expect(await decodeBytes(encoded, { encoding, outputBytesMax })).toEqual(bytes)
      const streamed = decodeStream(bytewise(encoded.subarray(0, 5_000)), {
        encoding,
        outputBytesMax,
      })
      if (encoded.length <= 5_000) expect(await collect(streamed)).toEqual(bytes)
      else await expect(collect(streamed)).rejects.toMatchObject({ reason: 'malformed' })
    }
  })
})
