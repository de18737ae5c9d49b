import { kindRange } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Entry, StorageEngine } from '../engine/engine.ts'

/** All stored entries of one kind. */
export async function entriesOf(
  engine: StorageEngine,
  kind: Parameters<typeof kindRange>[0],
): Promise<Entry[]> {
  return Array.fromAsync(walk(engine, kindRange(kind)))
}
