import type { CopyTotals } from '../disk/copy-mark.ts'
import { everyKey } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Entry, StorageEngine } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { bytesOf, isFormat } from './copy-survey.ts'

export interface Comparison {
  /** The first key that the sides do not hold alike; undefined: there is none. */
  readonly differsAt: Bytes | undefined
  /** What both sides hold alike in front of that. */
  readonly alike: CopyTotals
}

/**
 * Reads both sides in step, all but the format. Damaged entries of the source count as absent.
 */
export async function compare(
  source: StorageEngine,
  target: StorageEngine,
  onEntry: (done: CopyTotals) => void,
): Promise<Comparison> {
  const alike = { entries: 0, bytes: 0 }
  const wanted = readable(source)
  const there = walk(target, everyKey)
  for (;;) {
    const one = await nextOf(wanted)
    const other = await nextOf(there)
    if (!one || !other || !isSame(one, other)) return { differsAt: firstKey(one, other), alike }
    alike.entries += 1
    alike.bytes += bytesOf(one)
    onEntry(alike)
  }
}

async function* readable(source: StorageEngine): AsyncGenerator<Entry> {
  for await (const entry of walk(source, everyKey)) {
    if (!entry.isDamaged) yield entry
  }
}

async function nextOf(entries: AsyncGenerator<Entry>): Promise<Entry | undefined> {
  for (;;) {
    const { value, done } = await entries.next()
    if (done) return undefined
    if (!isFormat(value)) return value
  }
}

/** Undefined where there is neither. */
function firstKey(one: Entry | undefined, other: Entry | undefined): Bytes | undefined {
  if (!one || !other) return (one ?? other)?.key
  return Buffer.compare(one.key, other.key) <= 0 ? one.key : other.key
}

function isSame(one: Entry, other: Entry): boolean {
  return (
    Buffer.compare(one.key, other.key) === 0 &&
    Buffer.compare(one.value, other.value) === 0 &&
    one.revision === other.revision &&
    (one.isCounter ?? false) === (other.isCounter ?? false) &&
    !other.isDamaged
  )
}
