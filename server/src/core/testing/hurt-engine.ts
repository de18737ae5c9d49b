import type {
  AtomicWrite,
  Commit,
  EngineError,
  Entry,
  KeyRange,
  Page,
  Revision,
  ScanBound,
  StorageEngine,
} from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'

/**
 * An engine with faults on request: damaged entries, and reads and commits that fail or are
 * delayed. Like real engines, it throws for keys that are longer than its limits.
 */
export class HurtEngine implements StorageEngine {
  /** While set, every commit fails with this error. */
  commitFailure: EngineError | undefined
  /** While set, every read fails with this error. */
  readFailure: Error | undefined
  /** Runs once, before the next commit. */
  beforeCommit: (() => Promise<unknown>) | undefined
  /** Runs once, before the next scan. */
  beforeScan: (() => Promise<unknown>) | undefined
  /** Runs once, after the next `get` has read its entries and before it returns them. */
  beforeAnswer: (() => Promise<unknown>) | undefined
  readonly #engine: StorageEngine
  readonly #damaged = new Set<string>()

  constructor(engine: StorageEngine) {
    this.#engine = engine
  }

  /** From now on, the entry fails its checksum, even after a new put. */
  damage(key: Bytes): void {
    this.#damaged.add(nameOf(key))
  }

  get limits(): StorageEngine['limits'] {
    return this.#engine.limits
  }

  get isShared(): boolean {
    return this.#engine.isShared
  }

  async get(keys: readonly Bytes[]): Promise<(Entry | undefined)[]> {
    for (const key of keys) this.#assertLength(key)
    if (this.readFailure) throw this.readFailure
    const entries = await this.#engine.get(keys)
    const before = this.beforeAnswer
    this.beforeAnswer = undefined
    await before?.()
    return entries.map((entry) => entry && this.#seen(entry))
  }

  async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    this.#assertLength(range.start)
    this.#assertLength(range.end)
    if (this.readFailure) throw this.readFailure
    const before = this.beforeScan
    this.beforeScan = undefined
    await before?.()
    const page = await this.#engine.scan(range, bound)
    return { entries: page.entries.map((entry) => this.#seen(entry)), more: page.more }
  }

  async commit(write: AtomicWrite): Promise<Commit> {
    if (this.commitFailure) throw this.commitFailure
    const before = this.beforeCommit
    this.beforeCommit = undefined
    await before?.()
    return this.#engine.commit(write)
  }

  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    return this.#engine.newerThan(revision, signal)
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  #assertLength(key: Bytes): void {
    if (key.length > this.limits.keyBytesMax)
      throw new RangeError('The key is longer than the limit of the engine.')
  }

  #seen(entry: Entry): Entry {
    if (!this.#damaged.has(nameOf(entry.key))) return entry
    return { ...entry, value: Buffer.alloc(0), isDamaged: true }
  }
}

function nameOf(key: Bytes): string {
  return Buffer.from(key).toString('hex')
}
