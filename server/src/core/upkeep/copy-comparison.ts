import type { CopyTotals } from '../disk/copy-mark.ts'
import { everyKey } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Entry, StorageEngine } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { bytesOf, isFormat } from './copy-survey.ts'

export interface Comparison {
  /** The first key at which both sides differ; undefined: they are equal. */
  readonly differsAt: Bytes | undefined
  /** The equal entries before that key. */
  readonly alike: CopyTotals
}

/**
 * Reads both sides in parallel, except for the format entries. Damaged entries of the source count
 * as absent.
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

/** Undefined if there is no entry on either side. */
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
