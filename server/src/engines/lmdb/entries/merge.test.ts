import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Row } from '../journal/journal-half.ts'
import { LmdbEntry, pack, packedKind, RemovedEntry } from './entry.ts'
import { merged } from './merge.ts'

const someKeys = fc.uniqueArray(
  fc.array(fc.constantFrom(0, 1, 0xff), { minLength: 1, maxLength: 3 }),
  { maxLength: 12, selector: (key) => key.join() },
)

/** Rows in key order, some of them removed. */
const someRows = fc
  .tuple(someKeys, fc.array(fc.boolean(), { maxLength: 12 }))
  .map(([keys, removed]): Row[] => {
    const rows = keys.map((bytes, index) => rowOf(Buffer.from(bytes), removed[index] === true))
    return rows.sort((a, b) => Buffer.compare(a.key, b.key))
  })

it('returns the rows of both in order, removed ones too; for a key in both, the newer row', () => {
  const property = fc.property(someRows, someRows, (newer, older) => {
    const model = new Map<string, Row>()
    for (const row of [...older, ...newer]) model.set(row.key.toString('hex'), row)
    const expected = [...model.values()].sort((a, b) => Buffer.compare(a.key, b.key))
    const rows = [...merged(newer, older)]
    expect(rows).toHaveLength(expected.length)
    for (const [index, row] of rows.entries()) expect(row).toBe(expected[index])
  })
  fc.assert(property, { numRuns: 500 })
})

it('closes the older iterator when the reader stops, and never reads ahead in it', () => {
  const keys = ['a', 'b', 'c', 'd'].map((key) => Buffer.from(key))
  const older = new Rows(keys.map((key) => rowOf(key)))
  const newer = [rowOf(Buffer.from('b'))]
  for (const { key } of merged(newer, older.each())) if (key.toString() === 'c') break
  expect(older).toMatchObject({ given: 3, isLeft: true })
})

/** Rows that count how many were taken, and note that the reader stopped. */
class Rows {
  given = 0
  isLeft = false
  readonly #rows: readonly Row[]

  constructor(rows: readonly Row[]) {
    this.#rows = rows
  }

  *each(): Generator<Row> {
    try {
      for (const row of this.#rows) {
        this.given += 1
        yield row
      }
    } finally {
      this.isLeft = true
    }
  }
}

function rowOf(key: Buffer, isRemoved = false): Row {
  if (isRemoved) return new RemovedEntry(key)
  const packed = pack({ kind: packedKind.value, revision: 1, value: key })
  return new LmdbEntry(key, packed)
}
