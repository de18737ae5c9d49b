import type { Revision } from '../engine/engine.ts'
import { bytesOf, isAfter, type Position, positionOf, type WatchEvent } from './watch-event.ts'

/** How many events a ring holds. */
export interface RingBounds {
  readonly eventsMax: number
  readonly bytesMax: number
}

/**
 * The latest changes of a store. A commit is in it as a whole or not at all. Of each key, only the
 * latest change of each read may be in it.
 */
export class ChangeRing {
  readonly #bounds: RingBounds
  #events: WatchEvent[] = []
  #bytes = 0
  #from: Revision

  /** It holds all changes after `from`. */
  constructor(from: Revision, bounds: RingBounds) {
    this.#from = from
    this.#bounds = bounds
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The revision of the last change, or the one from which the ring was begun. */
  get newest(): Revision {
    return this.#events.at(-1)?.change.revision ?? this.#from
  }

  /** Whether it holds every change after `position`. */
  holdsAfter(position: Position): boolean {
    const { revision, index } = position
    return revision > this.#from || (revision === this.#from && index === Number.POSITIVE_INFINITY)
  }

  /** Adds the changes after those that it holds. Drops the oldest ones if they are too many. */
  add(events: readonly WatchEvent[]): void {
    for (const event of events) {
      this.#events.push(event)
      this.#bytes += bytesOf(event)
    }
    const { eventsMax, bytesMax } = this.#bounds
    let count = 0
    while (this.#events.length - count > eventsMax || this.#bytes > bytesMax) {
      count = this.#forgetCommit(count)
    }
    if (count > 0) this.#events = this.#events.slice(count)
  }

  /** Drops everything up to this revision, which is at or behind the last change. */
  restart(from: Revision): void {
    this.#events = []
    this.#bytes = 0
    this.#from = from
  }

  /** The changes after `position`. */
  after(position: Position): readonly WatchEvent[] {
    let begin = this.#events.length
    for (; begin > 0; begin -= 1) {
      const event = this.#events[begin - 1]
      if (!event || !isAfter(positionOf(event), position)) break
    }
    return begin === 0 ? this.#events : this.#events.slice(begin)
  }

  /** Counts off all events of the commit that begins at `start`. Returns where the next begins. */
  #forgetCommit(start: number): number {
    const revision = this.#events[start]?.change.revision ?? this.#from
    let end = start
    for (; this.#events[end]?.change.revision === revision; end += 1) {
      const event = this.#events[end]
      if (event) this.#bytes -= bytesOf(event)
    }
    this.#from = revision
    return end
  }
}

/** The rings of all watched stores. The one that was not used for longest gives up its events. */
export class ChangeRings {
  readonly #bytesMax: number
  #bytes = 0
  /** The one that got events last is last. */
  readonly #rings = new Set<ChangeRing>()

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  add(ring: ChangeRing, events: readonly WatchEvent[]): void {
    const last = events.at(-1)
    if (!last) return
    this.remove(ring)
    ring.add(events)
    this.#bytes += ring.bytes
    this.#rings.add(ring)
    for (const oldest of this.#rings) {
      if (this.#bytes <= this.#bytesMax) return
      this.remove(oldest)
      oldest.restart(oldest.newest)
    }
  }

  /** Counts the events of this ring no longer. */
  remove(ring: ChangeRing): void {
    if (this.#rings.delete(ring)) this.#bytes -= ring.bytes
  }
}
