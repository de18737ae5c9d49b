import type { Environment } from '../../../core/kernel/environment.ts'
import type { KeyQueue } from '../../../core/kernel/key-queue.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { lruCache } from '../../../core/kernel/lru-cache.ts'
import type { Store } from '../../../core/stores/store.ts'
import { PageError } from './errors.ts'

interface Count {
  /** The counted pairs, plus all that this server may have added since. */
  pairs: number
  readonly countedAt: number
}

/** Running writes of this server to one store that may add pairs. */
interface UnderWay {
  /** How many pairs they may add. */
  pairs: number
  /** Writes that run without counting first: there is room for all of them. */
  readonly ahead: Set<Promise<unknown>>
  /** The number of writes that count first, one after the other. */
  looking: number
}

/**
 * Limits the number of pairs of each project. The limit is exact as long as only this server adds
 * pairs. Existing pairs may always be overwritten.
 */
export class PairsCap {
  readonly #parts: { readonly environment: Environment; readonly turns: KeyQueue }
  readonly #pairsMax: number
  /** These three are by store id. */
  readonly #counts = lruCache<string, Count>(limits.cachedStoresMax)
  readonly #counting = new Map<string, Promise<Count>>()
  readonly #underWay = new Map<string, UnderWay>()

  constructor(parts: { environment: Environment; turns: KeyQueue }, pairsMax: number) {
    this.#parts = parts
    this.#pairsMax = pairsMax
  }

  /**
   * Runs `work`, which adds a pair for each of these keys that does not exist yet. Throws PageError
   * `MAX_KVPS_EXCEEDED`, and what `work` throws.
   */
  async run<T>(store: Store, keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const count = this.#fresh(store.id) ?? (await this.#counted(store))
    // No `await` from here until the write is registered: no other write may come in between.
    count.pairs += keys.length
    const writes = this.#writesOf(store.id)
    const hasRoom =
      writes.looking === 0 && count.pairs + limits.pairsRoomUncountedMin <= this.#pairsMax
    writes.pairs += keys.length
    try {
      return await (hasRoom
        ? goAhead(writes, work)
        : this.#lookFirst(store, { keys, writes, work }))
    } finally {
      writes.pairs -= keys.length
      if (writes.ahead.size === 0 && writes.looking === 0) this.#underWay.delete(store.id)
    }
  }

  async #lookFirst<T>(
    store: Store,
    { keys, writes, work }: { keys: readonly string[]; writes: UnderWay; work: () => Promise<T> },
  ): Promise<T> {
    writes.looking += 1
    try {
      return await this.#parts.turns.run(`cap of ${store.id}`, async () => {
        // No write goes ahead while another one counts. So once the current ones have ended, only
        // this write changes the store.
        await Promise.allSettled(writes.ahead)
        const added = await this.#countNew(store, keys)
        const { recordCount } = await store.info()
        // An import or another door may have added more than pages could.
        if (added > 0 && recordCount + added > this.#pairsMax) throw this.#full()
        return work()
      })
    } finally {
      writes.looking -= 1
    }
  }

  #writesOf(storeId: string): UnderWay {
    const writes = this.#underWay.get(storeId) ?? { pairs: 0, ahead: new Set(), looking: 0 }
    this.#underWay.set(storeId, writes)
    return writes
  }

  #fresh(storeId: string): Count | undefined {
    const count = this.#counts.get(storeId)
    const age = this.#parts.environment.monotonic() - (count?.countedAt ?? -Infinity)
    return age < limits.countedPairsMs ? count : undefined
  }

  /** Counts once for all calls that wait. If the first may not use the store, the next counts. */
  async #counted(store: Store): Promise<Count> {
    for (;;) {
      const counting = this.#counting.get(store.id)
      if (!counting) return this.#beginCount(store)
      await Promise.allSettled([counting])
      const count = this.#fresh(store.id)
      if (count) return count
    }
  }

  #beginCount(store: Store): Promise<Count> {
    const counting = this.#count(store)
    this.#counting.set(store.id, counting)
    const leave = (): void => {
      this.#counting.delete(store.id)
    }
    counting.then(leave, leave)
    return counting
  }

  async #count(store: Store): Promise<Count> {
    const countedAt = this.#parts.environment.monotonic()
    // The store's own count may already include the pairs of running writes, or not yet.
    const added = this.#underWay.get(store.id)?.pairs ?? 0
    const { recordCount } = await store.info()
    const count = { pairs: recordCount + added, countedAt }
    this.#counts.set(store.id, count)
    return count
  }

  async #countNew(store: Store, keys: readonly string[]): Promise<number> {
    let count = 0
    for (let start = 0; start < keys.length; start += limits.soughtPairsAtOnce) {
      const there = await store.batch.has(keys.slice(start, start + limits.soughtPairsAtOnce))
      count += there.filter((isThere) => !isThere).length
    }
    return count
  }

  #full(): PageError {
    const message = `Cannot have more than ${this.#pairsMax} key-value pairs per project`
    return new PageError({ status: 400, type: 'MAX_KVPS_EXCEEDED' }, message)
  }
}

async function goAhead<T>({ ahead }: UnderWay, work: () => Promise<T>): Promise<T> {
  const done = work()
  ahead.add(done)
  try {
    return await done
  } finally {
    ahead.delete(done)
  }
}
