interface Keyed {
  readonly key: Buffer
}

/** The rows of both, in key order. If both have a row for a key, the newer one is taken. */
export function* merged<Row extends Keyed>(
  newer: Iterable<Row>,
  older: Iterable<Row>,
): Generator<Row> {
  const ahead = newer[Symbol.iterator]()
  let first = ahead.next()
  for (const row of older) {
    let order = -1
    while (!first.done) {
      order = Buffer.compare(first.value.key, row.key)
      if (order > 0) break
      yield first.value
      first = ahead.next()
      if (order === 0) break
    }
    if (order !== 0) yield row
  }
  for (; !first.done; first = ahead.next()) yield first.value
}
