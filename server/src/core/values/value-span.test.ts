import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { hour } from '../testing/times.ts'
import type { Span, StoredValue } from './value.ts'

const mebibyte = 2 ** 20
const sizes = [0, 1, 2_048, 2_049, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte + 5]

interface Opened {
  readonly domain: TestDomain
  readonly engine: HurtEngine
  readonly store: Store
  readonly value: StoredValue
}

async function storedValue(size: number): Promise<Opened> {
  const engine = new HurtEngine(new MemoryEngine())
  const domain = await openTestDomain(engine)
  const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
  await store.put(bytesRecord('key', patternBytes(size)))
  const record = await store.get('key')
  if (!record) throw new Error('The test put this record.')
  return { domain, engine, store, value: record.value }
}

/** Spans that begin and end at, before and after every border between chunks. */
function spansOf(size: number): Span[] {
  const borders = [0, 1, 2, 3].flatMap((chunk) => [-1, 0, 1].map((by) => chunk * mebibyte + by))
  const positions = [...borders, size - 1, size].filter((one) => one >= 0 && one <= size)
  const unique = [...new Set(positions)]
  return unique.flatMap((start) =>
    unique.filter((end) => start <= end).map((end) => ({ start, end })),
  )
}

async function readSpan(value: StoredValue, span: Span): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(value.chunks(span)))
}

describe('a part of a value', () => {
  it.each(sizes)('of a value of %i bytes is the bytes from start to end', async (size) => {
    const { value } = await storedValue(size)
    const bytes = patternBytes(size)
    for (const span of spansOf(size)) {
      const part = await readSpan(value, span)
      const expected = bytes.subarray(span.start, span.end)
      expect(Buffer.compare(part, expected), `${span.start} to ${span.end}`).toBe(0)
    }
  })

  it('is read without the other chunks', async () => {
    const { engine, value } = await storedValue(4 * mebibyte)
    const chunks = await entriesOf(engine, 'chunk')
    for (const index of [0, 3]) engine.damage(chunks[index]?.key ?? Buffer.of())
    const middle = { start: mebibyte, end: 3 * mebibyte }
    const expected = patternBytes(4 * mebibyte).subarray(middle.start, middle.end)
    expect(Buffer.compare(await readSpan(value, middle), expected)).toBe(0)
    for (const span of [
      { start: mebibyte - 1, end: mebibyte },
      { start: mebibyte, end: 3 * mebibyte + 1 },
    ]) {
      expect(await codeOf(readSpan(value, span))).toBe('record-damaged')
    }
  })

  it('is read at most 1 MiB at a time', async () => {
    const { value } = await storedValue(3 * mebibyte)
    const parts = await Array.fromAsync(value.chunks({ start: 5, end: 2 * mebibyte + 7 }))
    expect(parts.map(({ length }) => length)).toEqual([mebibyte - 5, mebibyte, 7])
  })

  it('is not swept away while it is read', async () => {
    const { domain, store, value } = await storedValue(3 * mebibyte)
    const parts = value.chunks({ start: mebibyte, end: 3 * mebibyte })
    await parts.next()
    value[Symbol.dispose]()
    await store.delete('key')
    await sweepFor(domain, 2 * hour)
    expect((await parts.next()).value?.length).toBe(mebibyte)
    await parts.return(undefined)
    await domain.sweeper.sweep()
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
  })

  it.each([0, 5, mebibyte + 1])('outside a value of %i bytes is a bug of ours', async (size) => {
    const { value } = await storedValue(size)
    for (const span of [
      { start: -1, end: size },
      { start: 0, end: size + 1 },
      { start: size, end: size - 1 },
    ]) {
      await expect(readSpan(value, span)).rejects.toThrow()
    }
  })
})
