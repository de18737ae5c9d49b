import { walk } from '../disk/walk.ts'
import type { Entry, KeyRange, Revision, StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'

/** Of entries that are stamped with their revision, those of a page from the newest on. */
export interface NewestPage {
  /** The newest first; damaged ones are left out. */
  readonly entries: readonly Entry[]
  /** True when there are older ones. */
  readonly more: boolean
}

export interface NewestQuery {
  /** Only what is older than this revision; undefined: all. */
  readonly before: Revision | undefined
  readonly limit: number
}

/**
 * The last entries of a log. An engine reads forwards only, so that a stretch in front of the end
 * is read that is twice as long each time, until it holds enough. `rangeOf(after)` is what is
 * stamped with a revision behind `after`.
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
