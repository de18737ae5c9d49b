import type { Row } from './lmdb-half.ts'

/** The rows of both, in the order of their keys; of two with one key the newer one. */
export function* merged(newer: readonly Row[], older: Iterable<Row>): Generator<Row> {
  let next = 0
  for (const row of older) {
    let order = -1
    for (let first = newer[next]; first; first = newer[next]) {
      order = Buffer.compare(first.key, row.key)
      if (order > 0) break
      yield first
      next += 1
      if (order === 0) break
    }
    if (order !== 0) yield row
  }
  yield* newer.slice(next)
}
