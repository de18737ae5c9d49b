import type { Client } from '../network/client.ts'
import type { Random } from './random.ts'
import { TrackedStore } from './tracked-store.ts'

const checksAtOnce = 16

interface Touched {
  readonly store: TrackedStore
  /** Undefined: the store itself. */
  readonly key: string | undefined
}

/** Records all writes that were sent to the server, and which of them it acknowledged. */
export class Ledger {
  readonly main = new TrackedStore('main')
  readonly #stores: TrackedStore[] = [this.main]
  #touched = new Map<string, Touched>()
  #acknowledged = 0

  /** The number of acknowledged writes, deletions, creations and drops. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  addStore(name: string): TrackedStore {
    const store = new TrackedStore(name)
    this.#stores.push(store)
    return store
  }

  /** Does one write, and counts it when it is acknowledged. */
  async write(touched: Touched, work: () => Promise<void>): Promise<void> {
    this.#touched.set(`${touched.store.name}/${touched.key}`, touched)
    await work()
    this.#acknowledged += 1
  }

  /**
   * Problems with all records written since the last call, and with `sample` other records.
   */
  async recentProblems(
    client: Client,
    { random, sample }: { random: Random; sample: number },
  ): Promise<string[]> {
    const touched = [...this.#touched.values()]
    this.#touched = new Map()
    const keys = this.main.keys
    const others = Array.from({ length: keys.length > 0 ? sample : 0 }, () => ({
      store: this.main,
      key: random.pick(keys),
    }))
    return this.#problems(client, [...touched, ...others])
  }

  /** Problems with all records ever written, and with the listings of the stores. */
  async allProblems(client: Client): Promise<string[]> {
    const all = this.#stores.flatMap((store): Touched[] => [
      { store, key: undefined },
      ...store.keys.map((key) => ({ store, key })),
    ])
    const problems = await this.#problems(client, all)
    const listed = await (await client.openStore(this.main.name)).keys()
    const isListedRight = JSON.stringify(listed) === JSON.stringify(this.main.settledKeys)
    return isListedRight ? problems : [...problems, 'odd: the listing shows other keys']
  }

  async #problems(client: Client, touched: readonly Touched[]): Promise<string[]> {
    const stores = new Set(touched.map(({ store }) => store))
    const problems = await inParallel([...stores], (store) => store.existenceProblem(client))
    const records = touched.filter(({ store, key }) => key !== undefined && isThere(store))
    const found = await inParallel(records, ({ store, key = '' }) =>
      store.recordProblem(client, key),
    )
    return [...problems, ...found].filter((problem) => problem !== undefined)
  }
}

function isThere({ existence }: TrackedStore): boolean {
  return existence.settled?.number !== undefined
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const left = items.values()
  const worker = async (): Promise<void> => {
    for (const item of left) results.push(await work(item))
  }
  await Promise.all(Array.from({ length: checksAtOnce }, worker))
  return results
}
