import fc from 'fast-check'
import { expect, it } from 'vitest'
import { hashOf, Index } from './index.ts'

const entriesMax = 24
const seed = 7

type Step =
  | { readonly kind: 'add'; readonly key: number }
  | { readonly kind: 'cut'; readonly count: number }

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.nat().map((key): Step => ({ kind: 'add', key })) },
    {
      weight: 1,
      arbitrary: fc.nat({ max: entriesMax }).map((count): Step => ({ kind: 'cut', count })),
    },
  ),
  { maxLength: 60 },
)

// Short keys of few different bytes: some begin with others, and all share few slots.
const someKeys = fc.uniqueArray(
  fc.array(fc.constantFrom(0, 1, 0x7f, 0xff), { maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  { minLength: 1, maxLength: 6, selector: (key) => key.toString('hex') },
)

it('finds the newest entry of each key among the first entries, whatever was cut', () => {
  const property = fc.property(someKeys, steps, (keys, all) => {
    const run = new IndexRun(keys)
    for (const step of all) {
      run.take(step)
      run.compare()
    }
  })
  fc.assert(property, { numRuns: 300 })
})

it('tells keys with the same hash apart', () => {
  const pair = keysOfOneHash()
  const property = fc.property(steps, (all) => {
    const run = new IndexRun([...pair, Buffer.from('other')])
    for (const step of all) {
      run.take(step)
      run.compare()
    }
  })
  fc.assert(property)
})

it('holds as many keys as it was made for', () => {
  const keys = Array.from({ length: entriesMax }, (_, index) => Buffer.from(`key ${index}`))
  const run = new IndexRun(keys)
  for (const key of keys.keys()) run.take({ kind: 'add', key })
  run.compare()
  expect(run.index.count).toBe(entriesMax)
})

it('finds a key that is not a Buffer, and no key that was never added', () => {
  const run = new IndexRun([Buffer.from('ab')])
  run.take({ kind: 'add', key: 0 })
  const find = (key: Uint8Array): number => run.index.find(key, hashOf(key, { seed }), entriesMax)
  expect(find(new TextEncoder().encode('ab'))).toBe(1)
  for (const key of ['', 'a', 'abc', 'ba']) expect(find(Buffer.from(key))).toBe(0)
})

/** An index, and the keys of its entries in a list. */
class IndexRun {
  readonly index: Index
  readonly #keys: readonly Buffer[]
  readonly #bytes = Buffer.alloc(1_024)
  /** The key of entry n at n - 1. */
  #entries: Buffer[] = []

  constructor(keys: readonly Buffer[]) {
    this.#keys = keys
    this.index = new Index(this.#bytes, { entriesMax, seed })
  }

  take(step: Step): void {
    if (step.kind === 'add') this.#add(step.key)
    else this.#cut(Math.min(step.count, this.#entries.length))
  }

  compare(): void {
    expect(this.index.count).toBe(this.#entries.length)
    for (let upTo = 0; upTo <= this.#entries.length; upTo += 1) this.#compareFirst(upTo)
  }

  /** Keys lie one behind the other, as in a half. A new key overwrites what was cut. */
  #add(number: number): void {
    if (this.#entries.length === entriesMax) return
    const key = this.#keys[number % this.#keys.length] as Buffer
    const last = this.#entries.length
    const start = last === 0 ? 0 : this.index.startOf(last) + this.index.lengthOf(last)
    key.copy(this.#bytes, start)
    this.index.add(start, key.length)
    this.#entries.push(key)
  }

  #cut(count: number): void {
    this.#entries = this.#entries.slice(0, count)
    this.index.cut(count)
  }

  #compareFirst(upTo: number): void {
    const newest = (key: Buffer): number => {
      return this.#entries.findLastIndex((other, index) => index < upTo && other.equals(key)) + 1
    }
    const found = this.#keys.map((key) => this.index.find(key, hashOf(key, { seed }), upTo))
    expect(found).toEqual(this.#keys.map(newest))
    const newestOf = this.#entries.map((_, index) => this.index.newestOf(index + 1, upTo))
    expect(newestOf).toEqual(this.#entries.map(newest))
  }
}

/**
 * Two different keys with the same length and 32-bit hash: about 100,000 keys contain such a pair.
 */
function keysOfOneHash(): [Buffer, Buffer] {
  const byHash = new Map<number, Buffer>()
  for (let number = 0; ; number += 1) {
    const key = Buffer.alloc(4)
    key.writeUInt32LE(Math.imul(number, 0x9e3779b1) >>> 0)
    const hash = hashOf(key, { seed })
    const other = byHash.get(hash)
    if (other) return [other, key]
    byHash.set(hash, key)
  }
}
