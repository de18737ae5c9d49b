import { expect } from 'vitest'
import { type Action, includes } from '../../../src/core/people/scope.ts'

/** The clock before and after an operation: it took place in between. */
export interface Moment {
  readonly from: number
  readonly to: number
}

/** How long a renewal may wait before it is written, at the most. */
const renewalDelayMs = 10_000

/**
 * What a store must hold and how long it must live, as far as its only client can know. A value is
 * called by its label; undefined stands for no record.
 */
export class SimulatedStore {
  readonly id: string
  name: string | null
  readonly #ttlMs: number
  readonly #onExpiry: 'drop' | 'clear'
  /** What each key may have; a key that is not listed has no record. */
  readonly #possible = new Map<string, Set<string | undefined>>()
  /** What each visitor may do at the most; one who is not listed: nothing. */
  readonly #rights = new Map<string, Set<Action | null>>()
  /** The last renewal that is stored for sure, that will be with the next flush, that may be. */
  #sureAt = 0
  #nextSureAt = 0
  #possibleAt = 0

  constructor(
    id: string,
    parts: { name: string | null; ttlMs: number; onExpiry: 'drop' | 'clear'; made: Moment },
  ) {
    this.id = id
    this.name = parts.name
    this.#ttlMs = parts.ttlMs
    this.#onExpiry = parts.onExpiry
    this.arm(parts.made)
  }

  /** Its time began again, and that is stored. */
  arm({ from, to }: Moment): void {
    this.#sureAt = from
    this.#nextSureAt = from
    this.#possibleAt = Math.max(this.#possibleAt, to)
  }

  /** It was used, or perhaps it was: `isDone` tells. */
  use({ from, to }: Moment, { isDone }: { isDone: boolean }): void {
    this.#possibleAt = Math.max(this.#possibleAt, to)
    if (isDone) this.#nextSureAt = Math.max(this.#nextSureAt, from)
  }

  /** Both servers have written what they know. */
  flushed(): void {
    this.#sureAt = this.#nextSureAt
  }

  /** Whether the end of its time may have come by then. */
  mayHaveEnded({ to }: Moment): boolean {
    return this.name === null && to >= this.#sureAt + this.#ttlMs
  }

  /** It answered. What the end of its time does to it and its records is known or possible now. */
  answered(moment: Moment): void {
    const mustHaveEnded =
      this.name === null && moment.from >= this.#possibleAt + this.#ttlMs + renewalDelayMs
    if (this.#onExpiry === 'drop') expect(mustHaveEnded, `${this.id} has ended`).toBe(false)
    else if (mustHaveEnded) this.#possible.clear()
    else if (this.mayHaveEnded(moment)) this.mayBeCleared()
  }

  put(key: string, label: string): void {
    this.#possible.set(key, new Set([label]))
  }

  mayBePut(key: string, label: string): void {
    this.#possible.set(key, new Set([...this.#of(key), label]))
  }

  delete(key: string): void {
    this.#possible.delete(key)
  }

  mayBeDeleted(key: string): void {
    if (this.#possible.has(key)) this.#possible.get(key)?.add(undefined)
  }

  clear(): void {
    this.#possible.clear()
  }

  mayBeCleared(): void {
    for (const labels of this.#possible.values()) labels.add(undefined)
  }

  /** Something was read, which settles what the key has. */
  seen(key: string, label: string | undefined): void {
    expect([...this.#of(key)], `what ${JSON.stringify(key)} may have`).toContain(label)
    if (label === undefined) this.#possible.delete(key)
    else this.#possible.set(key, new Set([label]))
  }

  /** Whether there is a record was learnt, and not which. */
  seenPresence(key: string, isPresent: boolean): void {
    if (!isPresent) {
      this.seen(key, undefined)
      return
    }
    const labels = [...this.#of(key)].filter((label) => label !== undefined)
    expect(labels.length, `what ${JSON.stringify(key)} may have`).toBeGreaterThan(0)
    this.#possible.set(key, new Set(labels))
  }

  /** All keys were listed. */
  seenKeys(keys: readonly string[]): void {
    for (const key of new Set([...this.#possible.keys(), ...keys])) {
      this.seenPresence(key, keys.includes(key))
    }
  }

  share(userId: string, right: Action | null): void {
    this.#rights.set(userId, new Set([right]))
  }

  mayBeShared(userId: string, right: Action | null): void {
    this.#rights.set(userId, new Set([...this.#rightsOf(userId), right]))
  }

  /** What was answered to a visitor settles what they may do. */
  visited(userId: string, action: Action, { isAllowed }: { isAllowed: boolean }): void {
    const all = [...this.#rightsOf(userId)]
    const left = all.filter((right) => includes(right ?? undefined, action) === isAllowed)
    expect(left, `${userId}, who may ${all}, may ${action}: ${isAllowed}`).not.toEqual([])
    this.#rights.set(userId, new Set(left))
  }

  #rightsOf(userId: string): ReadonlySet<Action | null> {
    return this.#rights.get(userId) ?? new Set([null])
  }

  #of(key: string): ReadonlySet<string | undefined> {
    return this.#possible.get(key) ?? new Set([undefined])
  }
}
