import { type Client, RemoteStore, type Reply, unexpected } from '../network/client.ts'
import { History } from './history.ts'
import { readStamp, stampValue } from './stamped-value.ts'

/** A named store, with the history of itself and of every record in it. */
export class TrackedStore {
  readonly name: string
  readonly existence = new History()
  readonly #records = new Map<string, History>()
  #id: string | undefined

  constructor(name: string) {
    this.name = name
  }

  get keys(): readonly string[] {
    return [...this.#records.keys()]
  }

  /** Its id when that is known; until then its name as `~name`. */
  get address(): string {
    return this.#id ?? `~${this.name}`
  }

  history(key: string): History {
    const known = this.#records.get(key)
    if (known) return known
    const history = new History()
    this.#records.set(key, history)
    return history
  }

  async create(client: Client): Promise<void> {
    const write = this.existence.beginPut()
    const remote = await client.openStore(this.name)
    this.#id = remote.address
    this.existence.acknowledge(write)
  }

  async drop(client: Client): Promise<void> {
    const write = this.existence.beginDelete()
    expectStatus(await this.#remote(client).drop(), 204, `Dropping ${this.name}`)
    this.existence.acknowledge(write)
  }

  async put(client: Client, { key, size }: { key: string; size: number }): Promise<void> {
    const history = this.history(key)
    const write = history.beginPut()
    const value = stampValue({ key, number: write.number }, size)
    expectStatus(await this.#remote(client).put(key, value), 201, `Putting ${key}`)
    history.acknowledge(write)
  }

  async delete(client: Client, key: string): Promise<void> {
    const history = this.history(key)
    const write = history.beginDelete()
    expectStatus(await this.#remote(client).delete(key), 204, `Deleting ${key}`)
    history.acknowledge(write)
  }

  /** Reads a record while others may write it; returns the problem if there is one. */
  async readProblem(client: Client, key: string): Promise<string | undefined> {
    const reading = this.history(key).beginRead()
    const reply = await this.#remote(client).get(key)
    if (reply.status === 404) return reading.allows(undefined) ? undefined : `lost: ${key} is gone`
    if (reply.status !== 200) return `odd: ${key} is a ${reply.status}`
    return wholeProblem(reading, { key, value: reply.body })
  }

  /** The problem with a record while nobody writes; undefined if there is none. */
  async recordProblem(client: Client, key: string): Promise<string | undefined> {
    const history = this.history(key)
    const reply = await this.#remote(client).get(key)
    if (reply.status !== 200 && reply.status !== 404) return `odd: ${key} is a ${reply.status}`
    const number = reply.status === 404 ? undefined : readStamp(key, reply.body)
    if (reply.status === 200 && number === undefined) return `torn: ${key}`
    if (!history.allows(number)) return `lost: ${key} is ${number}, not ${history.describe()}`
    history.settle(number)
    return undefined
  }

  /** Whether the store wrongly exists or is missing, while nobody writes. */
  async existenceProblem(client: Client): Promise<string | undefined> {
    const reply = await this.#remote(client).describe()
    if (reply.status !== 200 && reply.status !== 404) return `odd: ${this.name}: ${reply.status}`
    const number = reply.status === 404 ? undefined : 1
    if (!this.existence.allows(number)) {
      return `lost: store ${this.name} is ${number}, not ${this.existence.describe()}`
    }
    this.existence.settle(number)
    if (reply.status === 200) this.#id = JSON.parse(reply.body.toString()).data.id
    return undefined
  }

  /** Exactly the keys that a listing must show while nobody writes. */
  get settledKeys(): string[] {
    const present = this.keys.filter((key) => this.history(key).settled?.number !== undefined)
    return present.sort(byBytes)
  }

  #remote(client: Client): RemoteStore {
    return new RemoteStore(client, this.address)
  }
}

/** The problem with a value that was read: it must be one whole write that `reading` allows. */
export function wholeProblem(
  reading: ReturnType<History['beginRead']>,
  { key, value }: { key: string; value: Buffer },
): string | undefined {
  const number = readStamp(key, value)
  if (number === undefined) return `torn: ${key}, ${value.length} bytes`
  return reading.allows(number) ? undefined : `lost: ${key} is ${number}, which was over`
}

/** The order in which a server lists keys. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function expectStatus(reply: Reply, status: number, what: string): void {
  if (reply.status !== status) throw unexpected(what, reply)
}
