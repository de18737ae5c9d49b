import { expect } from 'vitest'
import { limits } from '../../../src/core/kernel/limits.ts'
import { type Action, includes } from '../../../src/core/people/scope.ts'

/** The true time before and after an operation, which happened in between. */
export interface Moment {
  readonly from: number
  readonly to: number
}

/** The longest time until a renewal is written. */
const renewalDelayMs = 10_000

/**
 * What a store must hold and when it must expire, as far as its only client can know. A value is
 * named by its label; undefined means no record.
 */
export class SimulatedStore {
  readonly id: string
  name: string | null
  readonly #ttlMs: number
  readonly #onExpiry: 'drop' | 'clear'
  readonly #endsOnTime: boolean
  /** The possible values of each key; a key that is not listed has no record. */
  readonly #possible = new Map<string, Set<string | undefined>>()
  /** The possible rights of each visitor; a visitor who is not listed has none. */
  readonly #rights = new Map<string, Set<Action | null>>()
  /** The last renewal that is surely stored, that the next flush stores, that may be stored. */
  #sureAt = 0
  #nextSureAt = 0
  #possibleAt = 0

  constructor(
    id: string,
    parts: {
      name: string | null
      ttlMs: number
      onExpiry: 'drop' | 'clear'
      made: Moment
      /** False: it may live longer, but never shorter. */
      endsOnTime: boolean
    },
  ) {
    this.id = id
    this.name = parts.name
    this.#ttlMs = parts.ttlMs
    this.#onExpiry = parts.onExpiry
    this.#endsOnTime = parts.endsOnTime
    this.arm(parts.made)
  }

  /** The time until expiry started again, and that is stored. */
  arm({ from, to }: Moment): void {
    this.#sureAt = from
    this.#nextSureAt = from
    this.#possibleAt = Math.max(this.#possibleAt, to)
  }

  /** The store was used, or with `isDone` false perhaps used. */
  use({ from, to }: Moment, { isDone }: { isDone: boolean }): void {
    this.#possibleAt = Math.max(this.#possibleAt, to)
    if (isDone) this.#nextSureAt = Math.max(this.#nextSureAt, from)
  }

  /** Both servers have written all uses. */
  flushed(): void {
    this.#sureAt = this.#nextSureAt
  }

  /**
   * Whether the store may have expired at `to`. A clock that is set within a minute is followed, as
   * time servers correct clocks: then a store may end by as much earlier.
   */
  mayHaveEnded({ to }: Moment): boolean {
    const followedMs = this.#endsOnTime ? 0 : limits.clockStepMsMax
    return this.name === null && to >= this.#sureAt + this.#ttlMs - followedMs
  }

  /** The store answered. Notes what expiry has done or may have done to it and its records. */
  answered(moment: Moment): void {
    const mustHaveEnded =
      this.#endsOnTime &&
      this.name === null &&
      moment.from >= this.#possibleAt + this.#ttlMs + renewalDelayMs
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

  /** A value was read: it is now the only possible value of the key. */
  seen(key: string, label: string | undefined): void {
    expect([...this.#of(key)], `what ${JSON.stringify(key)} may have`).toContain(label)
    if (label === undefined) this.#possible.delete(key)
    else this.#possible.set(key, new Set([label]))
  }

  /** It was read whether a record exists, but not its value. */
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

  /** The answer to a visitor limits their possible rights. */
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
