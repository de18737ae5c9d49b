import type { Revision } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import type { Change } from '../log/change.ts'

/** The record that a change wrote, as far as watchers are told. */
export interface WatchedValue {
  readonly contentType: string
  /** JSON text; undefined: the value is not JSON, or too long. */
  readonly json: string | undefined
}

/** A change as watchers get it. Many watchers share one object. */
export interface WatchEvent {
  readonly change: Change
  /** The place of the change among those of its commit. */
  readonly index: number
  /** Undefined if nobody asked for it, or the record is not the one that the change wrote. */
  readonly value?: WatchedValue
}

/** How far something was read: to that change of a commit, or to the end of the commit. */
export interface Position {
  readonly revision: Revision
  /** Infinity: the whole commit was read. */
  readonly index: number
}

export function endOf(revision: Revision): Position {
  return { revision, index: Number.POSITIVE_INFINITY }
}

export function positionOf({ change, index }: WatchEvent): Position {
  return { revision: change.revision, index }
}

export function isAfter(one: Position, other: Position): boolean {
  if (one.revision !== other.revision) return one.revision > other.revision
  return one.index > other.index
}

/** Whether the change ends or empties the whole store. */
export function isWholeStore({ change: { kind } }: WatchEvent): boolean {
  return kind !== 'put' && kind !== 'delete'
}

/** Whether the store can't be watched any further after this change. */
export function isEnd({ change: { kind } }: WatchEvent): boolean {
  return kind === 'drop' || kind === 'expire'
}

/** Only the latest change of each key, in order. A change of the whole store is one of all keys. */
export function collapsed(events: readonly WatchEvent[]): readonly WatchEvent[] {
  const latest = new Map<string, WatchEvent>()
  for (const event of events) {
    if (isWholeStore(event)) latest.clear()
    // Deleted first, so that the map keeps the order of the latest changes.
    latest.delete(event.change.key)
    latest.set(event.change.key, event)
  }
  return [...latest.values()]
}

const objectBytes = 200

/** One batch never has more events than this. */
export const eventsPerBatchMax = Math.ceil(limits.watchBatchBytesMax / objectBytes)

/** About how much memory the event takes. */
export function bytesOf({ change: { key }, value }: WatchEvent): number {
  return objectBytes + key.length + (value?.json?.length ?? 0)
}
