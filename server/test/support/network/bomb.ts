import { brotliCompressSync, constants } from 'node:zlib'

/** Few bytes that decode to so many spaces. The usual quality takes ten times as long. */
export function brotliBomb(bytes: number): Buffer<ArrayBuffer> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 4 }
  return Buffer.from(brotliCompressSync(Buffer.alloc(bytes, ' '), { params }))
}
