import type { Environment } from '../../core/environment.ts'
import type { KeyQueue } from '../../core/key-queue.ts'
import { limits } from '../../core/limits.ts'
import type { Store } from '../../core/store.ts'
import { PageError } from './errors.ts'

interface Count {
  /** As counted, with all that this server may have added since. */
  pairs: number
  readonly countedAt: number
}

/** So near to the most pairs, they are counted before each one that may be new. */
const near = 1_000
/** Other servers add pairs as well. */
const countedMs = 1_000

/** Keeps the pairs of each project at no more than so many. What is there may be overwritten. */
export class PairsCap {
  readonly #parts: { readonly environment: Environment; readonly turns: KeyQueue }
  readonly #pairsMax: number
  readonly #counts = new Map<string, Count>()

  constructor(parts: { environment: Environment; turns: KeyQueue }, pairsMax: number) {
    this.#parts = parts
    this.#pairsMax = pairsMax
  }

  /** `work` adds those of these pairs that are not there. Throws PageError `MAX_KVPS_EXCEEDED`. */
  async run<T>(store: Store, keys: readonly string[], work: () => Promise<T>): Promise<T> {
    if (await this.#hasRoom(store, keys.length)) return work()
    return this.#parts.turns.run(`cap of ${store.id}`, async () => {
      const { recordCount } = await store.info()
      if (recordCount + (await this.#countNew(store, keys)) > this.#pairsMax) throw this.#full()
      return work()
    })
  }

  async #hasRoom(store: Store, added: number): Promise<boolean> {
    const count = this.#fresh(store.id) ?? (await this.#count(store))
    count.pairs += added
    return count.pairs + near <= this.#pairsMax
  }

  #fresh(storeId: string): Count | undefined {
    const count = this.#counts.get(storeId)
    const age = this.#parts.environment.now() - (count?.countedAt ?? 0)
    return age >= 0 && age < countedMs ? count : undefined
  }

  async #count(store: Store): Promise<Count> {
    const countedAt = this.#parts.environment.now()
    const { recordCount: pairs } = await store.info()
    if (this.#counts.size >= limits.cachedStoresMax) this.#counts.clear()
    const count = { pairs, countedAt }
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

/** Of the longest keys, as many as one batch takes. */
const keysAtOnce = 400
