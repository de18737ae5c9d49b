import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { innerIdBytes } from '../disk/keyspace.ts'
import type { Entry } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import {
  chunkCount,
  decodeInfo,
  encodeInfo,
  type JsonState,
  type RecordInfo,
  type ValuePlace,
} from './record-info.ts'

const example: RecordInfo = {
  contentType: 'text/plain',
  contentEncoding: 'gzip',
  size: 3,
  modifiedAt: 1,
  jsonState: 'sound',
  place: { kind: 'inline', bytes: Buffer.from('abc') },
}

function entryOf(value: Buffer): Entry {
  return { key: Buffer.from('r'), value, revision: 7 }
}

const anyPlace: fc.Arbitrary<ValuePlace> = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => ({ kind: 'inline' as const, bytes })),
  fc
    .uint8Array({ minLength: innerIdBytes, maxLength: innerIdBytes })
    .map((valueId) => ({ kind: 'chunks' as const, valueId })),
)

const anyInfo: fc.Arbitrary<RecordInfo> = fc
  .record({
    contentType: fc.stringMatching(/^[!-~]{1,60}$/),
    contentEncoding: fc.constantFrom('', 'br', 'gzip', 'deflate'),
    size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    modifiedAt: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    jsonState: fc.constantFrom<JsonState>('unchecked', 'sound', 'unsound'),
    place: anyPlace,
    valueRevision: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), {
      nil: undefined,
    }),
  })
  .map(({ valueRevision, ...info }) => (valueRevision ? { ...info, valueRevision } : info))

function plain(info: RecordInfo): unknown {
  const { place } = info
  const bytes = place.kind === 'inline' ? place.bytes : place.valueId
  return { ...info, place: { kind: place.kind, bytes: Buffer.from(bytes).toString('hex') } }
}

describe('record info', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyInfo, (info) => {
        expect(plain(decodeInfo(entryOf(encodeInfo(info))))).toEqual(plain(info))
      }),
    )
  })

  it('keeps its bytes on disk', () => {
    const fixed = '0181' + '3ff0000000000000' + '4008000000000000' + '0000000000000000' + '0a04'
    const text = Buffer.from('text/plaingzipabc').toString('hex')
    expect(encodeInfo(example).toString('hex')).toBe(fixed + text)
  })

  it('holds the longest content type', () => {
    const contentType = `text/${'x'.repeat(limits.contentTypeLengthMax - 5)}`
    const info = { ...example, contentType }
    expect(decodeInfo(entryOf(encodeInfo(info))).contentType).toBe(contentType)
  })

  it('is not written with a text whose length does not fit into one byte', () => {
    expect(() => encodeInfo({ ...example, contentEncoding: 'x'.repeat(255) })).not.toThrow()
    expect(() => encodeInfo({ ...example, contentEncoding: 'x'.repeat(256) })).toThrow('Broken')
    expect(() => encodeInfo({ ...example, contentType: 'x'.repeat(256) })).toThrow('Broken')
  })

  it('refuses an entry whose bytes fail their checksum', () => {
    const damaged: Entry = { ...entryOf(Buffer.alloc(0)), isDamaged: true }
    expect(() => decodeInfo(damaged)).toThrow(expect.objectContaining({ code: 'record-damaged' }))
  })

  it('refuses entries of another version', () => {
    const bytes = encodeInfo(example)
    bytes[0] = 2
    expect(() => decodeInfo(entryOf(bytes))).toThrow('Broken assumption')
  })
})

it('has one chunk for each MiB and one for the rest', () => {
  const sizes = [2_049, limits.chunkBytes, limits.chunkBytes + 1, 3 * limits.chunkBytes + 5]
  expect(sizes.map(chunkCount)).toEqual([1, 1, 2, 4])
})
