import { addToCounter } from '../../core/engine/counter.ts'
import {
  type AtomicWrite,
  type Commit,
  EngineError,
  type Revision,
} from '../../core/engine/engine.ts'
import { stampedKey } from '../../core/engine/stamp.ts'
import { asBuffer, type Bytes } from '../../core/kernel/bytes.ts'

/** The part of an entry that checks and sums need. */
export interface State {
  readonly revision: Revision
  /** The total of a counter; undefined: the entry has a value. */
  readonly total: bigint | undefined
}

/** An entry to write, with a value or a total. */
export interface Upsert extends State {
  readonly key: Buffer
  readonly value: Bytes | undefined
  readonly isDeleted?: false
}

interface Deletion {
  readonly key: Buffer
  readonly isDeleted: true
}

export type Decision = Commit | EngineError

/** The result of several commits, decided one after the other and written as one. */
export interface Outcome {
  readonly decisions: readonly Decision[]
  readonly deletes: readonly Buffer[]
  readonly upserts: readonly Upsert[]
}

/** The keys whose state must be known to decide the writes. */
export function keysToRead(writes: readonly AtomicWrite[]): Buffer[] {
  const keys = new Map<string, Buffer>()
  for (const { checks = [], sums = [] } of writes) {
    for (const { key } of checks) keys.set(keyName(key), asBuffer(key))
    for (const { key } of sums) keys.set(keyName(key), asBuffer(key))
  }
  return [...keys.values()]
}

/** The key as a string, one character per byte: equal if the keys are equal. */
export function keyName(key: Bytes): string {
  return asBuffer(key).toString('latin1')
}

/**
 * Decides each write in order, on top of the writes before it, with the revisions after `newest`.
 * `stored` holds the states of `keysToRead`.
 */
export function decide(
  writes: readonly AtomicWrite[],
  stored: ReadonlyMap<string, State>,
  newest: Revision,
): Outcome {
  const draft = new Draft(stored)
  const decisions = writes.map((write, index) => draft.attempt(write, newest + 1 + index))
  return { decisions, deletes: draft.deletes, upserts: draft.upserts }
}

/** The entries that the writes so far have changed. */
class Draft {
  readonly #stored: ReadonlyMap<string, State>
  readonly #changes = new Map<string, Upsert | Deletion>()

  constructor(stored: ReadonlyMap<string, State>) {
    this.#stored = stored
  }

  get deletes(): Buffer[] {
    const changes = [...this.#changes.values()]
    return changes.filter((change) => change.isDeleted).map(({ key }) => key)
  }

  get upserts(): Upsert[] {
    return [...this.#changes.values()].filter((change) => !change.isDeleted)
  }

  attempt(write: AtomicWrite, revision: Revision): Decision {
    const { checks = [], deletes = [], puts = [] } = write
    const holds = checks.every(({ key, revision }) => this.#find(key)?.revision === revision)
    if (!holds) return { applied: false }
    const totals = this.#totalsAfter(write)
    if (totals instanceof EngineError) return totals
    for (const key of deletes) {
      this.#changes.set(keyName(key), { key: asBuffer(key), isDeleted: true })
    }
    for (const { key, value, stamped } of puts) {
      const name = stamped ? stampedKey(key, revision) : asBuffer(key)
      this.#set({ key: name, value, total: undefined, revision })
    }
    for (const [key, total] of totals) this.#set({ key, value: undefined, total, revision })
    return { applied: true, revision }
  }

  /** Computed before anything is changed, so that a refusal changes nothing. */
  #totalsAfter({ sums = [] }: AtomicWrite): Map<Buffer, bigint> | EngineError {
    try {
      return new Map(sums.map(({ key, delta }) => [asBuffer(key), this.#totalAfter(key, delta)]))
    } catch (error) {
      if (error instanceof EngineError) return error
      throw error
    }
  }

  #totalAfter(key: Bytes, delta: bigint): bigint {
    const state = this.#find(key)
    if (state && state.total === undefined) {
      throw new EngineError('refused', 'This key holds a value.')
    }
    return addToCounter(state?.total ?? 0n, delta)
  }

  #find(key: Bytes): State | undefined {
    const name = keyName(key)
    const change = this.#changes.get(name)
    if (change === undefined) return this.#stored.get(name)
    return change.isDeleted ? undefined : change
  }

  #set(upsert: Upsert): void {
    this.#changes.set(keyName(upsert.key), upsert)
  }
}
