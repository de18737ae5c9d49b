import { walk } from '../disk/walk.ts'
import type { Entry, KeyRange, Revision, StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'

/** A page of entries with stamped keys, from the newest on. */
export interface NewestPage {
  /** The newest first; damaged ones are left out. */
  readonly entries: readonly Entry[]
  /** True when there are older ones. */
  readonly more: boolean
}

export interface NewestQuery {
  /** Only entries older than this revision; undefined: all. */
  readonly before: Revision | undefined
  readonly limit: number
}

/**
 * The last entries of a log. Engines only read forwards, so this reads a range before the end,
 * twice as long each time, until it holds enough entries. `rangeOf(after)` is the range of the
 * entries with a revision above `after`.
 */
export async function readNewest(
  engine: StorageEngine,
  rangeOf: (after: Revision) => KeyRange,
  { before, limit }: NewestQuery,
): Promise<NewestPage> {
  const newest = await engine.newerThan(-1, new AbortController().signal)
  const end = before === undefined ? newest + 1 : Math.min(before, newest + 1)
  for (let span = limits.pageItemsMax; ; span *= 2) {
    const after = Math.max(0, end - 1 - span)
    const found = await lastOf(
      engine,
      { start: rangeOf(after).start, end: rangeOf(end - 1).start },
      limit + 1,
    )
    if (found.length <= limit && after > 0) continue
    return { entries: found.reverse().slice(0, limit), more: found.length > limit }
  }
}

async function lastOf(engine: StorageEngine, range: KeyRange, count: number): Promise<Entry[]> {
  const kept: Entry[] = []
  if (Buffer.compare(range.start, range.end) >= 0) return kept
  for await (const entry of walk(engine, range)) {
    if (entry.isDamaged) continue
    kept.push(entry)
    if (kept.length >= 2 * count) kept.splice(0, kept.length - count)
  }
  return kept.slice(-count)
}
