import fc from 'fast-check'
import { expect, it } from 'vitest'
import { contentOf, isCounter, packedKind, RemovedEntry, revisionOf } from '../entries/entry.ts'
import { hashOf } from '../entries/index.ts'
import { JournalHalf, roomFor } from './journal-half.ts'
import { sealBytes } from './journal-state.ts'

const hashSeed = 11
const room = { bytes: 16_384, entries: 256 }
const seal = Buffer.alloc(16, 'seal')
const everything = { start: Buffer.alloc(0), end: Buffer.alloc(9, 0xff) }

interface Change {
  readonly key: string
  /** Undefined: the key is removed. */
  readonly value: string | undefined
  readonly isCounter: boolean
}

/** What the tests compare of a row. In `Rows`, undefined means removed. */
type Shown = { readonly value: string; readonly revision: number; readonly isCounter: boolean }
type Rows = readonly (readonly [string, Shown | undefined])[]

const keys = ['a', 'a\0', 'ab', 'b', '\xff', '']
const change = fc.record({
  key: fc.constantFrom(...keys),
  value: fc.option(fc.string({ unit: 'binary', maxLength: 12 }).map(latin1), { nil: undefined }),
  isCounter: fc.boolean(),
})
const anyBlock = fc.array(change, { maxLength: 5 })
/** Used modulo a length, so that every place is equally likely. */
const place = fc.noBias(fc.nat())
const someBlocks = fc.array(anyBlock, { minLength: 1, maxLength: 6 })

it('shows a draft once it is kept, and nothing of a dropped draft', () => {
  const drafts = fc.array(fc.record({ block: anyBlock, isKept: fc.boolean() }), { maxLength: 8 })
  const property = fc.property(drafts, (all) => {
    const run = new HalfRun()
    for (const { block, isKept } of all) {
      const before = rowsOf(run.half)
      run.draft(block)
      expect(rowsOf(run.half)).toEqual(before)
      run.compareDraft(block)
      if (isKept) run.keep(block)
      else run.half.dropDraft()
      run.compare()
    }
  })
  fc.assert(property, { numRuns: 300 })
})

it('returns each key once as a packed row, with its newest entry', () => {
  const property = fc.property(someBlocks, (blocks) => {
    const { half } = sealed(blocks)
    const packedRows = [...half.packedRows()].map(({ key, packed }) => {
      return [key.toString('latin1'), packed.length > 0 ? shownOf(packed) : undefined] as const
    })
    expect(packedRows.sort(([a], [b]) => Number(a > b) - Number(a < b))).toEqual(rowsOf(half))
  })
  fc.assert(property)
})

it('returns the rows of a range in order', () => {
  const range = fc.record({ start: fc.constantFrom(...keys), end: fc.constantFrom(...keys) })
  const property = fc.property(someBlocks, range, (blocks, { start, end }) => {
    const { half } = sealed(blocks)
    const range = { start: Buffer.from(start, 'latin1'), end: Buffer.from(end, 'latin1') }
    const rows = [...half.rows(range)]
    const expected = rowsOf(half).filter(([key]) => key >= start && key < end)
    expect(rows.map(({ key }) => key.toString('latin1'))).toEqual(expected.map(([key]) => key))
    expect(half.hasRows(range)).toBe(expected.length > 0)
  })
  fc.assert(property)
})

it('loads sealed blocks, and appends behind them', () => {
  const property = fc.property(someBlocks, anyBlock, (blocks, last) => {
    const { bytes, half } = sealed(blocks)
    const run = new HalfRun()
    expect(run.half.load(bytes, { seal })).toBe(0)
    expect(rowsOf(run.half)).toEqual(rowsOf(half))
    expect(run.half).toMatchObject({ newest: blocks.length, end: bytes.length })
    expect(sealNext(run.half, last)).toEqual(sealNext(half, last))
    run.half.keep(blocks.length + 1)
    half.keep(blocks.length + 1)
    expect(rowsOf(run.half)).toEqual(rowsOf(half))
  })
  fc.assert(property)
})

it('loads exactly the blocks in front of a block with a changed byte behind its seal', () => {
  const flip = fc.integer({ min: 1, max: 255 })
  const property = fc.property(someBlocks, place, flip, (blocks, at, bits) => {
    const { bytes, ends } = sealed(blocks)
    const index = at % bytes.length
    bytes[index] = (bytes[index] ?? 0) ^ bits
    const start = ends.findLast((end) => end <= index) ?? 0
    const isSeal = start > 0 && index < start + sealBytes
    const count = isSeal ? blocks.length : ends.filter((end) => end <= index).length
    expectFirst(blocks, { count, bytes })
  })
  fc.assert(property, { numRuns: 1_000 })
})

it('loads a first block with a damaged seal only if it continues what is known', () => {
  const one: Change = { key: 'a', value: 'x', isCounter: false }
  const { bytes } = sealed([[one], [one]])
  bytes[3] = (bytes[3] ?? 0) ^ 0xff
  const half = new JournalHalf(room, hashSeed)
  expect(half.load(bytes, { seal })).toBeUndefined()
  expect(half.load(bytes, { seal, first: 1 })).toBeUndefined()
  expect(half.load(bytes, { seal, first: 0 })).toBe(0)
  expect(half.newest).toBe(2)
  bytes.fill(0x55, 0, 9)
  expect(half.load(bytes, { seal, first: 0 })).toBeUndefined()
})

it('says how long a block is that was begun and does not count', () => {
  const one: Change = { key: 'a', value: 'x', isCounter: false }
  const { bytes, ends } = sealed([[one], [one]])
  const [end = 0, last = 0] = ends
  const half = new JournalHalf(room, hashSeed)
  half.load(bytes, { seal })
  expect(half.brokenBytesBehind(bytes, seal)).toBe(0)
  bytes[last - 1] = (bytes[last - 1] ?? 0) ^ 1
  half.load(bytes, { seal })
  expect(half.brokenBytesBehind(bytes, seal)).toBe(last - end)
})

it('returns its commits in parts that end with whole commits, each key once', () => {
  const property = fc.property(someBlocks, fc.nat(8), fc.nat(6), (blocks, entries, held) => {
    const { half } = sealed(blocks)
    const model = new Map(rowsOf(sealed(blocks.slice(0, held)).half))
    let newest = held
    for (const part of half.parts(entries, held)) {
      expect(part.newest).toBeGreaterThan(newest)
      newest = part.newest
      for (const { key, packed } of part.rows) {
        model.set(key.toString('latin1'), packed.length > 0 ? shownOf(packed) : undefined)
      }
      const upTo = new Map(rowsOf(sealed(blocks.slice(0, newest)).half))
      expect(model).toEqual(upTo)
      expect(new Set(part.rows.map(({ key }) => key.toString('latin1'))).size).toBe(
        part.rows.length,
      )
    }
    expect(newest).toBe(Math.max(held, blocks.length))
  })
  fc.assert(property, { numRuns: 300 })
})

it('loads exactly the whole blocks if the bytes are cut short', () => {
  const property = fc.property(someBlocks, place, (blocks, at) => {
    const { bytes, ends } = sealed(blocks)
    const length = at % bytes.length
    const count = ends.filter((end) => end <= length).length
    expectFirst(blocks, { count, bytes: bytes.subarray(0, length) })
  })
  fc.assert(property)
})

it('loads no block with the seal of another journal', () => {
  const half = new JournalHalf(room, hashSeed)
  const one: Change = { key: 'a', value: 'x', isCounter: false }
  expect(half.load(sealed([[one]]).bytes, { seal: Buffer.alloc(16, 'other') })).toBeUndefined()
  expect(half).toMatchObject({ isEmpty: true, end: 0, newest: 0 })
})

it.each([
  ['older', 1],
  ['newer', 7],
])('stops at a block that does not continue the one before, but an %s commit', (_, before) => {
  const half = new JournalHalf(room, hashSeed)
  const blocks = [{ before: 3 }, { before: 4 }, { before }].map(({ before: own }) => {
    const other = new JournalHalf(room, hashSeed)
    other.beginDraft()
    other.remove(Buffer.from([own]))
    return Buffer.from(other.seal(seal, { before: own, newest: own + 1 }))
  })
  expect(half.load(Buffer.concat(blocks), { seal })).toBe(3)
  expect(rowsOf(half).map(([key]) => key)).toEqual(['\x03', '\x04'])
  expect(half.newest).toBe(5)
})

it('is empty again after `empty`', () => {
  const run = new HalfRun()
  const one: Change = { key: 'a', value: 'x', isCounter: false }
  run.draft([one])
  run.keep([one])
  expect(run.half.isEmpty).toBe(false)
  run.half.empty()
  expect(run.half).toMatchObject({ isEmpty: true, end: 0, newest: 0 })
  expect(rowsOf(run.half)).toEqual([])
  expect(run.half.load(Buffer.alloc(0), { seal })).toBeUndefined()
})

it('fits exactly as many bytes and entries as `roomFor` says', () => {
  const [key, value] = [Buffer.from('key'), Buffer.from('value')]
  const needed = roomFor({ bytes: key.length + value.length, entries: 1 })
  const half = new JournalHalf({ bytes: 2 * needed.bytes, entries: 2 }, hashSeed)
  half.beginDraft()
  half.put(key, { kind: packedKind.value, revision: 1, value })
  expect(half.seal(seal, { before: 0, newest: 1 })).toHaveLength(needed.bytes)
  half.keep(1)
  expect(half.fits(needed)).toBe(true)
  expect(half.fits({ ...needed, bytes: needed.bytes + 1 })).toBe(false)
  expect(half.fits({ ...needed, entries: 2 })).toBe(false)
})

/** A half, and a map of what it should hold. */
class HalfRun {
  readonly half = new JournalHalf(room, hashSeed)
  readonly #model = new Map<string, Shown | undefined>()
  #newest = 0

  draft(block: readonly Change[]): void {
    writeDraft(this.half, block, this.#newest + 1)
  }

  keep(block: readonly Change[]): void {
    this.#newest += 1
    this.half.keep(this.#newest)
    for (const one of block) this.#model.set(one.key, expectedOf(one, this.#newest))
  }

  compareDraft(block: readonly Change[]): void {
    const written = new Map(block.map((one) => [one.key, expectedOf(one, this.#newest + 1)]))
    for (const key of keys) {
      expect(this.#found(key, false)).toEqual(this.#model.get(key))
      const expected = written.has(key) ? written.get(key) : this.#model.get(key)
      expect(this.#found(key, true)).toEqual(expected)
    }
  }

  compare(): void {
    const expected = [...this.#model].sort(([a], [b]) => Number(a > b) - Number(a < b))
    expect(rowsOf(this.half)).toEqual(expected)
    for (const key of keys) expect(this.#found(key, false)).toEqual(this.#model.get(key))
  }

  #found(name: string, withDraft: boolean): Shown | undefined {
    const key = Buffer.from(name, 'latin1')
    const entry = this.half.find(key, hashOf(key, { seed: hashSeed }), { withDraft })
    const packed = entry > 0 ? this.half.packedOf(entry) : Buffer.alloc(0)
    return packed.length > 0 ? shownOf(packed) : undefined
  }
}

/** Blocks of the revisions 1, 2 ... as they lie on disk, and where they end. */
function sealed(blocks: readonly (readonly Change[])[]): {
  half: JournalHalf
  bytes: Buffer
  ends: number[]
} {
  const half = new JournalHalf(room, hashSeed)
  const ends: number[] = []
  const parts = blocks.map((block, index) => {
    const part = sealNext(half, block)
    half.keep(index + 1)
    ends.push(half.end)
    return part
  })
  return { half, bytes: Buffer.concat(parts), ends }
}

function sealNext(half: JournalHalf, block: readonly Change[]): Buffer {
  writeDraft(half, block, half.newest + 1)
  return Buffer.from(half.seal(seal, { before: half.newest, newest: half.newest + 1 }))
}

function writeDraft(half: JournalHalf, block: readonly Change[], revision: number): void {
  half.beginDraft()
  for (const { key, value, isCounter: counts } of block) {
    const name = Buffer.from(key, 'latin1')
    const kind = counts ? packedKind.counter : packedKind.value
    if (value === undefined) half.remove(name)
    else half.put(name, { kind, revision, value: Buffer.from(value, 'latin1') })
  }
}

function expectFirst(
  blocks: readonly (readonly Change[])[],
  { count, bytes }: { count: number; bytes: Buffer },
): void {
  const half = new JournalHalf(room, hashSeed)
  expect(half.load(bytes, { seal })).toBe(count > 0 ? 0 : undefined)
  expect(rowsOf(half)).toEqual(rowsOf(sealed(blocks.slice(0, count)).half))
  expect(half.newest).toBe(count)
}

function rowsOf(half: JournalHalf): Rows {
  return [...half.rows(everything)].map((row) => {
    const key = row.key.toString('latin1')
    if (row instanceof RemovedEntry) return [key, undefined] as const
    const { revision, isCounter } = row
    return [key, { value: row.value.toString('latin1'), revision, isCounter }] as const
  })
}

function shownOf(packed: Buffer): Shown {
  const value = contentOf(packed).toString('latin1')
  return { value, revision: revisionOf(packed), isCounter: isCounter(packed) }
}

function expectedOf({ value, isCounter: counts }: Change, revision: number): Shown | undefined {
  return value === undefined ? undefined : { value, revision, isCounter: counts }
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}
