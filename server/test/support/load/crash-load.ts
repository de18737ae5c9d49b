import type { Client } from '../network/client.ts'
import type { Ledger } from './ledger.ts'
import { Random } from './random.ts'
import type { TrackedStore } from './tracked-store.ts'

const hotKeys = Array.from({ length: 40 }, (_, index) => `hot-${index}`)
const largeKeys = Array.from({ length: 6 }, (_, index) => `large-${index}`)
/** The kinds of work of a connection, and how often each is done. */
const deeds = [
  ['fresh', 40],
  ['overwrite', 28],
  ['delete', 18],
  ['chunked', 5],
  ['large', 1],
  ['store', 8],
] as const
const recordsPerStore = 4
const recentKeysMax = 50

/** Many connections that write, overwrite, delete, create and drop, all at the same time. */
export class CrashLoad {
  readonly #client: Client
  readonly #ledger: Ledger
  readonly #workers: Promise<void>[]
  readonly #problems: string[] = []
  #isOver = false

  constructor(
    client: Client,
    { ledger, seed, connections }: { ledger: Ledger; seed: number; connections: number },
  ) {
    this.#client = client
    this.#ledger = ledger
    this.#workers = Array.from({ length: connections }, (_, index) =>
      this.#work(new Random(seed * 1_000 + index), `${seed}-${index}`),
    )
  }

  /** Call this just before the server is killed: from now on connections may break. */
  expectTheEnd(): void {
    this.#isOver = true
  }

  /** Waits for open requests; returns the problems that were seen while the server ran. */
  async end(): Promise<readonly string[]> {
    this.#isOver = true
    await Promise.all(this.#workers)
    return this.#problems
  }

  async #work(random: Random, name: string): Promise<void> {
    const worker = new CrashWorker(this.#client, { ledger: this.#ledger, random, name })
    try {
      while (!this.#isOver) await worker.step()
    } catch (error) {
      // The server was killed during this write: the test checks its outcome later.
      if (!this.#isOver) this.#problems.push(`odd: ${error}`)
    }
  }
}

class CrashWorker {
  readonly #client: Client
  readonly #ledger: Ledger
  readonly #random: Random
  readonly #name: string
  readonly #recentKeys: string[] = []
  #store: TrackedStore | undefined
  #made = 0

  constructor(
    client: Client,
    { ledger, random, name }: { ledger: Ledger; random: Random; name: string },
  ) {
    this.#client = client
    this.#ledger = ledger
    this.#random = random
    this.#name = name
  }

  async step(): Promise<void> {
    const random = this.#random
    const what = random.weighted(deeds)
    if (what === 'store') return this.#stepStore()
    if (what === 'delete') return this.#delete(this.#pickKnownKey())
    if (what === 'fresh') return this.#put(this.#createKey(), random.between(8, 4_000))
    if (what === 'large') return this.#put(random.pick(largeKeys), random.between(1e6, 3e6))
    return this.#put(random.pick(hotKeys), random.between(8, what === 'chunked' ? 200_000 : 3_000))
  }

  /** One step with a store of this connection: it is made, filled, and most often dropped. */
  async #stepStore(): Promise<void> {
    const store = this.#store
    if (!store) return this.#createStore()
    if (store.keys.length < recordsPerStore) {
      const key = `record-${store.keys.length}`
      const size = this.#random.between(8, 100_000)
      return this.#write(store, key, () => store.put(this.#client, { key, size }))
    }
    this.#store = undefined
    if (this.#random.fraction() < 0.2) return
    await this.#write(store, undefined, () => store.drop(this.#client))
  }

  async #createStore(): Promise<void> {
    this.#made += 1
    const store = this.#ledger.addStore(`store-${this.#name}-${this.#made}`)
    await this.#write(store, undefined, () => store.create(this.#client))
    this.#store = store
  }

  async #put(key: string, size: number): Promise<void> {
    const { main } = this.#ledger
    await this.#write(main, key, () => main.put(this.#client, { key, size }))
  }

  async #delete(key: string): Promise<void> {
    const { main } = this.#ledger
    await this.#write(main, key, () => main.delete(this.#client, key))
  }

  #write(store: TrackedStore, key: string | undefined, work: () => Promise<void>): Promise<void> {
    return this.#ledger.write({ store, key }, work)
  }

  #createKey(): string {
    this.#made += 1
    const key = `fresh-${this.#name}-${this.#made}`
    this.#recentKeys.push(key)
    if (this.#recentKeys.length > recentKeysMax) this.#recentKeys.shift()
    return key
  }

  #pickKnownKey(): string {
    const isHot = this.#recentKeys.length === 0 || this.#random.fraction() < 0.2
    return this.#random.pick(isHot ? hotKeys : this.#recentKeys)
  }
}
