import { setTimeout as sleep } from 'node:timers/promises'
import { Client, RemoteStore } from '../network/client.ts'
import { SlowDownload, SlowUpload } from '../network/slow-transfer.ts'
import { Random } from './random.ts'
import { byBytes, TrackedStore, wholeProblem } from './tracked-store.ts'

const prefixes = Array.from({ length: 8 }, (_, index) => `p${index}.`)
const keysPerPrefix = 50
/** Values that are read slowly; the longer ones are larger than the socket buffers. */
const slowSizes = { 'slow-0': 3_000_000, 'slow-1': 3_000_000, 'slow-2': 8_000_000 } as const
const slowKeys = ['slow-0', 'slow-1', 'slow-2'] as const
const largeBytes = 3_000_000
/** Longer than the time between two sweeps. */
const holdMsMax = 15_000
const waitMs = 100
interface Sizes {
  readonly least: number
  readonly most: number
}

/** The sizes of values, and how often each is used: mostly small, as in practice. */
const sizes: readonly (readonly [Sizes, number])[] = [
  [{ least: 10, most: 2_048 }, 55],
  [{ least: 2_049, most: 100_000 }, 30],
  [{ least: 100_001, most: 1_048_576 }, 13],
  [{ least: 1_048_577, most: largeBytes }, 2],
]

/** One kind of work, which a worker repeats. */
type Habit = (random: Random) => Promise<void>

/** All kinds of work at once, until `end()`. Each value that is read is verified. */
export class SoakLoad {
  readonly store = new TrackedStore('soak')
  readonly problems: string[] = []
  readonly counts: Record<string, number> = {}
  bytesWritten = 0
  readonly #target: { url: string; token: string }
  readonly #client: Client
  readonly #workers: Promise<void>[] = []
  #isOver = false

  constructor(target: { url: string; token: string }, { connections }: { connections: number }) {
    this.#target = target
    this.#client = new Client(target, { connections })
  }

  async begin(seed: number): Promise<void> {
    await this.store.create(this.#client)
    for (const key of slowKeys) await this.#put(key, slowSizes[key])
    this.#start({ name: 'writes', count: 8, pauseMs: 70, seed }, (random) => this.#write(random))
    this.#start({ name: 'reads', count: 4, pauseMs: 10, seed }, (random) => this.#read(random))
    this.#start({ name: 'listings', count: 1, pauseMs: 100, seed }, (random) => this.#list(random))
    this.#start({ name: 'slow reads', count: 5, pauseMs: 50, seed }, (random) =>
      this.#readSlowly(random),
    )
    this.#start({ name: 'aborted uploads', count: 1, pauseMs: 400, seed }, (random) =>
      this.#abortUpload(random),
    )
    this.#start({ name: 'aborted downloads', count: 1, pauseMs: 400, seed }, (random) =>
      this.#abortDownload(random),
    )
    this.#start({ name: 'dropped stores', count: 1, pauseMs: 500, seed }, (random) =>
      this.#dropStore(random),
    )
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#workers)
  }

  /** Checks all data after all writers have ended. */
  async verifyAll(): Promise<void> {
    for (const key of this.store.keys) {
      this.#note(await this.store.recordProblem(this.#client, key))
    }
    const listed = await this.#remote.keys()
    const expected = this.store.settledKeys
    if (JSON.stringify(listed) !== JSON.stringify(expected)) this.#note('odd: the whole listing')
  }

  close(): void {
    this.#client.close()
  }

  get #remote(): RemoteStore {
    return new RemoteStore(this.#client, this.store.address)
  }

  #start(
    { name, count, pauseMs, seed }: { name: string; count: number; pauseMs: number; seed: number },
    habit: Habit,
  ): void {
    for (let index = 0; index < count; index += 1) {
      const random = new Random(seed * 100 + this.#workers.length)
      this.#workers.push(this.#repeat({ name, pauseMs, random }, habit))
    }
  }

  async #repeat(
    { name, pauseMs, random }: { name: string; pauseMs: number; random: Random },
    habit: Habit,
  ): Promise<void> {
    while (!this.#isOver) {
      await habit(random).catch((error) => this.#note(`odd: ${name}: ${error}`))
      this.counts[name] = (this.counts[name] ?? 0) + 1
      await sleep(random.between(0, 2 * pauseMs))
    }
  }

  async #write(random: Random): Promise<void> {
    const key = this.#pickKey(random)
    if (random.fraction() < 0.15) return this.store.delete(this.#client, key)
    const { least, most } = random.weighted(sizes)
    await this.#put(key, random.between(least, most))
  }

  async #read(random: Random): Promise<void> {
    const key = random.fraction() < 0.05 ? random.pick(slowKeys) : this.#pickKey(random)
    this.#note(await this.store.readProblem(this.#client, key))
  }

  /** Lists a prefix: unchanged keys must be listed correctly, and all keys in order. */
  async #list(random: Random): Promise<void> {
    const prefix = random.pick(prefixes)
    const before = this.store.keys
      .filter((key) => key.startsWith(prefix))
      .map((key) => ({ key, history: this.store.history(key), age: this.store.history(key).age }))
    const listed = await this.#remote.keys({ prefix, limit: random.between(3, 40) })
    const there = new Set(listed)
    const isOrdered = listed.every((key, at) => at === 0 || byBytes(listed[at - 1] ?? '', key) < 0)
    if (!isOrdered) this.#note(`odd: the listing of ${prefix} is out of order`)
    for (const { key, history, age } of before) {
      if (history.age !== age || !history.settled) continue
      const isThere = history.settled.number !== undefined
      if (there.has(key) !== isThere) this.#note(`lost: the listing shows ${key}: ${!isThere}`)
    }
  }

  /** Reads a large value slowly or after a pause, while it is overwritten twice. */
  async #readSlowly(random: Random): Promise<void> {
    const key = random.pick(slowKeys)
    const reading = this.store.history(key).beginRead()
    const download = await SlowDownload.begin(this.#recordOf(key))
    const rest = this.#readOn(download, random)
    const overwrite = async (): Promise<void> => {
      await this.#put(key, slowSizes[key])
      await this.#put(key, slowSizes[key])
    }
    const [value] = await Promise.all([rest, overwrite()])
    this.#note(wholeProblem(reading, { key, value }))
  }

  async #readOn(download: SlowDownload, random: Random): Promise<Buffer> {
    if (random.fraction() < 0.5) await this.#wait(random.between(0, holdMsMax))
    return download.finish({ pauses: random.between(5, 30), pauseMs: random.between(5, 60) })
  }

  /** Waits `ms` milliseconds, but no longer than the load runs. */
  async #wait(ms: number): Promise<void> {
    const end = performance.now() + ms
    while (!this.#isOver && performance.now() < end) await sleep(waitMs)
  }

  /** Aborts an upload: the old value must stay. */
  async #abortUpload(random: Random): Promise<void> {
    const key = this.#pickKey(random)
    const body = Buffer.alloc(largeBytes, 'never to be seen')
    const sent = random.between(1, largeBytes - 1)
    const upload = await SlowUpload.begin(this.#recordOf(key), body, { sent })
    await sleep(random.between(0, 50))
    upload.abort()
    this.#note(await this.store.readProblem(this.#client, key))
  }

  /** Aborts a download: the server must release the value. */
  async #abortDownload(random: Random): Promise<void> {
    const download = await SlowDownload.begin(this.#recordOf(random.pick(slowKeys)))
    await sleep(random.between(0, 50))
    download.abort()
  }

  async #dropStore(random: Random): Promise<void> {
    const store = new TrackedStore(`soak-${random.between(1, 1e9)}`)
    await store.create(this.#client)
    for (const key of ['small', 'chunk']) {
      const size = random.between(10, key === 'small' ? 2_000 : 300_000)
      await store.put(this.#client, { key, size })
      this.bytesWritten += size
      this.#note(await store.recordProblem(this.#client, key))
    }
    await store.drop(this.#client)
    this.#note(await store.existenceProblem(this.#client))
  }

  async #put(key: string, size: number): Promise<void> {
    await this.store.put(this.#client, { key, size })
    this.bytesWritten += size
  }

  #pickKey(random: Random): string {
    return `${random.pick(prefixes)}key-${random.between(1, keysPerPrefix)}`
  }

  #recordOf(key: string): { url: string; token: string; path: string } {
    const { url, token } = this.#target
    return { url, token, path: this.#remote.recordPath(key) }
  }

  #note(problem: string | undefined): void {
    if (problem !== undefined) this.problems.push(problem)
  }
}
