import { LRUCache } from 'lru-cache'
import type { Environment } from '../../../core/kernel/environment.ts'
import type { KeyQueue } from '../../../core/kernel/key-queue.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { Store } from '../../../core/stores/store.ts'
import { PageError } from './errors.ts'

interface Count {
  /** As counted, with all that this server may have added since. */
  pairs: number
  readonly countedAt: number
}

/** Writes of one store by this server that are not over, and may add pairs. */
interface UnderWay {
  /** How many they may add. */
  pairs: number
  /** Those that go ahead at once: there is room for all of them. */
  readonly ahead: Set<Promise<unknown>>
  /** Those that look first, one after the other. */
  looking: number
}

/** So near to the most pairs, they are counted before each one that may be new. */
const near = 1_000
/** Other servers add pairs as well. */
const countedMs = 1_000

/**
 * Keeps the pairs of each project at no more than so many: exactly, as far as this server alone
 * adds some. What is there may be overwritten.
 */
export class PairsCap {
  readonly #parts: { readonly environment: Environment; readonly turns: KeyQueue }
  readonly #pairsMax: number
  /** All by store id. */
  readonly #counts = new LRUCache<string, Count>({ max: limits.cachedStoresMax })
  readonly #counting = new Map<string, Promise<Count>>()
  readonly #underWay = new Map<string, UnderWay>()

  constructor(parts: { environment: Environment; turns: KeyQueue }, pairsMax: number) {
    this.#parts = parts
    this.#pairsMax = pairsMax
  }

  /** `work` adds those of these pairs that are not there. Throws PageError `MAX_KVPS_EXCEEDED`. */
  async run<T>(store: Store, keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const count = this.#fresh(store.id) ?? (await this.#counted(store))
    // From here to the write's entry among those under way nobody else gets a word in.
    count.pairs += keys.length
    const writes = this.#writesOf(store.id)
    const hasRoom = writes.looking === 0 && count.pairs + near <= this.#pairsMax
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
        // Nobody goes ahead while somebody looks: behind these, nothing changes but by this write.
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
    const age = this.#parts.environment.now() - (count?.countedAt ?? 0)
    return age >= 0 && age < countedMs ? count : undefined
  }

  /** Counted once for all who wait; where who counts is refused, the next one does. */
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
    const countedAt = this.#parts.environment.now()
    // The store's own count may have them already, or not yet.
    const added = this.#underWay.get(store.id)?.pairs ?? 0
    const { recordCount } = await store.info()
    const count = { pairs: recordCount + added, countedAt }
    this.#counts.set(store.id, count)
    return count
  }

  async #countNew(store: Store, keys: readonly string[]): Promise<number> {
    let count = 0
    for (let start = 0; start < keys.length; start += keysAtOnce) {
      const there = await store.batch.has(keys.slice(start, start + keysAtOnce))
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

/** Of the longest keys, as many as one batch takes. */
const keysAtOnce = 400
