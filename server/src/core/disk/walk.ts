import type { Entry, KeyRange, StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { after } from './keyspace.ts'

/** All entries of a range, a bounded page at a time: not one snapshot. */
export async function* walk(
  engine: StorageEngine,
  range: KeyRange,
  pageItems: number = limits.pageItemsMax,
): AsyncGenerator<Entry> {
  let start = range.start
  for (;;) {
    const bound = { limit: pageItems, bytes: limits.pageBytesMax }
    const { entries, more } = await engine.scan({ start, end: range.end }, bound)
    yield* entries
    const last = entries.at(-1)
    if (!more || !last) return
    start = after(last.key)
  }
}
