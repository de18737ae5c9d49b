import { describe, expect, it } from 'vitest'
import type { AtomicWrite, EngineLimits, Entry } from './engine.ts'
import { measureRestore, measureWrite } from './write-rules.ts'

const limits: EngineLimits = { keyBytesMax: 20, valueBytesMax: 100, commitBytesMax: 300 }
const key = Buffer.from('key')
const other = Buffer.from('other')
const value = Buffer.from('value')
const refused = expect.objectContaining({ failure: 'refused', applied: 'no' })

function measure(write: AtomicWrite): () => number {
  return () => measureWrite(write, limits)
}

describe('a write', () => {
  it('is as large as its keys, values and stamps', () => {
    expect(measure({})()).toBe(0)
    expect(measure({ puts: [{ key, value }] })()).toBe(8)
    expect(measure({ puts: [{ key, value, stamped: true }] })()).toBe(16)
    const checks = [{ key, revision: 1 }]
    expect(measure({ checks, deletes: [key], sums: [{ key: other, delta: 1n }] })()).toBe(11)
  })

  it('may be as large as the engine allows, but no larger', () => {
    const long = Buffer.alloc(20)
    expect(measure({ puts: [{ key: long, value: Buffer.alloc(100) }] })).not.toThrow()
    expect(measure({ deletes: [Buffer.alloc(21)] })).toThrow(refused)
    expect(measure({ checks: [{ key: Buffer.alloc(21), revision: 1 }] })).toThrow(refused)
    expect(measure({ puts: [{ key, value: Buffer.alloc(101) }] })).toThrow(refused)
    const part = (index: number): { key: Buffer; value: Buffer } => ({
      key: Buffer.from([index]),
      value: Buffer.alloc(99),
    })
    expect(measure({ puts: [0, 1, 2].map(part) })).not.toThrow()
    expect(measure({ puts: [0, 1, 2].map(part), deletes: [Buffer.from([9])] })).toThrow(refused)
  })

  it('counts the 8 bytes of the stamp as part of a stamped key', () => {
    const stamped = true
    expect(measure({ puts: [{ key: Buffer.alloc(12), value, stamped }] })).not.toThrow()
    expect(measure({ puts: [{ key: Buffer.alloc(13), value, stamped }] })).toThrow(refused)
  })

  it('may not have an empty key, unless it is stamped', () => {
    const empty = Buffer.of()
    expect(measure({ deletes: [empty] })).toThrow(refused)
    expect(measure({ puts: [{ key: empty, value }] })).toThrow(refused)
    expect(measure({ puts: [{ key: empty, value, stamped: true }] })).not.toThrow()
  })

  it('writes each key once, and may check the keys that it writes', () => {
    const sum = { key, delta: 1n }
    expect(measure({ deletes: [key], puts: [{ key, value }] })).toThrow(refused)
    expect(measure({ deletes: [key, key] })).toThrow(refused)
    expect(measure({ puts: [{ key, value }], sums: [sum] })).toThrow(refused)
    expect(measure({ sums: [sum, sum] })).toThrow(refused)
    const checks = [{ key, revision: 1 }]
    expect(measure({ checks, puts: [{ key, value }], deletes: [other] })).not.toThrow()
  })

  it('may put a stamped key beside the same key without a stamp', () => {
    const puts = [
      { key, value },
      { key, value, stamped: true },
    ]
    expect(measure({ puts })).not.toThrow()
  })
})

describe('a restored entry', () => {
  const entry: Entry = { key, value, revision: 3 }
  const counter: Entry = { key: other, value: Buffer.alloc(8), revision: 5, isCounter: true }
  const restore =
    (changes: Partial<Entry>, newest = 5) =>
    () =>
      measureRestore([counter, { ...entry, ...changes }], { newest, limits })

  it('has a revision that a commit up to the newest could have', () => {
    expect(restore({})).not.toThrow()
    expect(restore({ revision: 5 })).not.toThrow()
    expect(restore({ revision: 6 })).toThrow(refused)
    for (const revision of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      expect(restore({ revision }, 2 ** 53 - 1)).toThrow(refused)
      expect(() => measureRestore([], { newest: revision, limits })).toThrow(refused)
    }
  })

  it('is not damaged, and a counter has 8 bytes', () => {
    expect(restore({ isDamaged: true })).toThrow(refused)
    expect(restore({ isCounter: true })).toThrow(refused)
    expect(restore({ isCounter: true, value: Buffer.alloc(8) })).not.toThrow()
  })

  it('obeys the rules of a write', () => {
    expect(restore({ key: other })).toThrow(refused)
    expect(restore({ value: Buffer.alloc(101) })).toThrow(refused)
  })
})
