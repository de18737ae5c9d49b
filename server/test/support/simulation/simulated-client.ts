import { expect } from 'vitest'
import type { Retention } from '../../../src/core/identity/retention.ts'
import { type ErrorCode, StorageError } from '../../../src/core/kernel/errors.ts'
import { actions } from '../../../src/core/people/scope.ts'
import type { Store } from '../../../src/core/stores/store.ts'
import { owner, principalWith, userWith } from '../../../src/core/testing/callers.ts'
import { PausingSource } from '../../../src/core/testing/pausing-source.ts'
import { bytesRecord, readBytes } from '../../../src/core/testing/records.ts'
import { findAndUse, type TestDomain } from '../../../src/core/testing/test-domain.ts'
import type { TestEnvironment } from '../../../src/core/testing/test-environment.ts'
import { minute, second } from '../../../src/core/testing/times.ts'
import { type Moment, SimulatedStore } from './simulated-store.ts'

export const unnamedRetentionMs = 120 * minute

const clearing: Retention = {
  ttlMs: 30 * minute,
  renewOnRead: true,
  renewOnWrite: true,
  onExpiry: 'clear',
}

/** Other users, with whom stores may be shared. */
const visitors = ['visitor0000000001', 'visitor0000000002']
const keys = ['a', 'b', 'b/1', 'é', '🧥', '']
const storesMax = 4
/**
 * Sizes of inline values, of values in one chunk, and of uploads of one and of two chunks. One in
 * eight is long: the check after each round reads all that are stored.
 */
const sizes = [
  ...Array.from({ length: 9 }, () => 20),
  ...[2_048, 2_049, 2_048, 2_049, 9_000, 2 ** 20, 2 ** 20 + 9],
]
/** Errors that may happen at any time; after them, nothing is written. */
const failures: readonly string[] = ['storage-unavailable', 'store-busy']

interface Outcome<T> {
  readonly moment: Moment
  readonly code: ErrorCode | 'none'
  /** Undefined if the operation failed. */
  readonly value: T | undefined
}

interface Parts {
  /** The start of all names of stores, so that no other client uses them. */
  readonly prefix: string
  readonly domains: readonly TestDomain[]
  readonly environment: TestEnvironment
  readonly chance: () => number
  /** False: clocks may go wrong, and then stores may live longer. */
  readonly endsOnTime: boolean
}

/**
 * Uses its own stores through random servers, one operation after the other, and compares each
 * answer with the possible ones.
 */
export class SimulatedClient {
  readonly #parts: Parts
  readonly #stores: SimulatedStore[] = []
  #puts = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async work(operations: number): Promise<void> {
    for (let done = 0; done < operations; done += 1) {
      this.#parts.environment.advance(Math.floor(this.#parts.chance() * second))
      await this.#operate()
    }
  }

  /** Call this after all servers have written the uses of stores. */
  flushed(): void {
    for (const store of this.#stores) store.flushed()
  }

  /** Reads everything once more. */
  async compare(): Promise<void> {
    for (const store of [...this.#stores]) {
      await this.#list(store)
      if (this.#stores.includes(store)) await this.#visit(store)
      for (const key of keys) if (this.#stores.includes(store)) await this.#get(store, key)
    }
  }

  async #operate(): Promise<void> {
    const store = this.#pick(this.#stores)
    if (!store || (this.#stores.length < storesMax && this.#parts.chance() < 0.1)) {
      return this.#create()
    }
    const key = this.#pick(keys) ?? ''
    const roll = this.#parts.chance()
    if (roll < 0.35) return this.#put(store, key)
    if (roll < 0.6) return this.#get(store, key)
    if (roll < 0.7) return this.#delete(store, key)
    if (roll < 0.78) return this.#add(store, key)
    if (roll < 0.84) return this.#replace(store, key)
    if (roll < 0.9) return this.#list(store)
    if (roll < 0.92) return this.#clear(store)
    if (roll < 0.94) return this.#share(store)
    if (roll < 0.96) return this.#visit(store)
    if (roll < 0.98) return this.#rename(store)
    return this.#drop(store)
  }

  async #create(): Promise<void> {
    const roll = this.#parts.chance()
    if (roll < 0.4) return this.#open(this.#freeName())
    const retention = roll < 0.6 ? clearing : 'default'
    const { moment, value } = await this.#attempt(({ stores }) =>
      stores.create({ ownerId: owner, name: undefined, retention }),
    )
    if (value) this.#note(value, { name: null, moment, retention })
  }

  /** After a lost answer, a retry finds the store that the first try made. */
  async #open(name: string): Promise<void> {
    const wanted = { ownerId: owner, name }
    const { moment, code, value } = await this.#attempt(({ stores }) => stores.open(wanted))
    if (value) this.#note(value.store, { name, moment, retention: 'default' })
    else if (code === 'outcome-unknown') await this.#open(name)
    else expect(failures).toContain(code)
  }

  #note(
    { id }: Store,
    made: { name: string | null; moment: Moment; retention: Retention | 'default' },
  ): void {
    const { name, moment, retention } = made
    const { endsOnTime } = this.#parts
    const { ttlMs, onExpiry } =
      retention === 'default' ? { ttlMs: unnamedRetentionMs, onExpiry: 'drop' as const } : retention
    this.#stores.push(new SimulatedStore(id, { name, ttlMs, onExpiry, made: moment, endsOnTime }))
  }

  async #put(store: SimulatedStore, key: string): Promise<void> {
    const { label, record } = this.#newRecord(key)
    const outcome = await this.#useStore(store, (found) => found.put(record))
    if (outcome?.code === 'none') store.put(key, label)
    if (outcome?.code === 'outcome-unknown') store.mayBePut(key, label)
  }

  async #get(store: SimulatedStore, key: string): Promise<void> {
    const outcome = await this.#useStore(store, async (found) => {
      const bytes = await readBytes(found, key)
      return { label: bytes && labelOf(bytes) }
    })
    if (outcome?.value) store.seen(key, outcome.value.label)
  }

  async #delete(store: SimulatedStore, key: string): Promise<void> {
    const outcome = await this.#useStore(store, (found) => found.delete(key))
    if (outcome?.code === 'none') store.seenPresence(key, outcome.value === true)
    if (outcome?.code === 'none') store.delete(key)
    if (outcome?.code === 'outcome-unknown') store.mayBeDeleted(key)
  }

  async #add(store: SimulatedStore, key: string): Promise<void> {
    const { label, record } = this.#newRecord(key)
    const condition = { kind: 'absent' } as const
    const outcome = await this.#useStore(store, (found) => found.put(record, condition))
    if (outcome?.code === 'none') store.seen(key, undefined)
    if (outcome?.code === 'none') store.put(key, label)
    if (outcome?.code === 'condition-failed') store.seenPresence(key, true)
    if (outcome?.code === 'outcome-unknown') store.mayBePut(key, label)
  }

  /** Nobody else writes, so the revision just read is the newest, unless the store has expired. */
  async #replace(store: SimulatedStore, key: string): Promise<void> {
    // Reading the head of a record is no use of the store.
    const read = await this.#attempt(async ({ stores }) => (await stores.find(store.id)).head(key))
    if (!this.#lives(store, read) || read.code !== 'none') return
    store.seenPresence(key, read.value !== undefined)
    if (!read.value) return
    const { label, record } = this.#newRecord(key)
    const condition = { kind: 'revision', anyOf: [read.value.revision] } as const
    const outcome = await this.#useStore(store, (found) => found.put(record, condition))
    if (outcome?.code === 'none') store.put(key, label)
    if (outcome?.code === 'outcome-unknown') store.mayBePut(key, label)
    if (outcome?.code === 'condition-failed') {
      expect(store.mayHaveEnded(outcome.moment)).toBe(true)
      store.seen(key, undefined)
    }
  }

  async #list(store: SimulatedStore): Promise<void> {
    const query = { prefix: '', startAfter: undefined, limit: 1_000 }
    const outcome = await this.#attempt(async ({ stores }) => {
      const { items } = await (await stores.find(store.id)).list(query)
      return items.map(({ key }) => key)
    })
    if (!this.#lives(store, outcome) || !outcome.value) return
    expect(outcome.value).toEqual(outcome.value.toSorted(byBytes))
    store.seenKeys(outcome.value)
  }

  async #clear(store: SimulatedStore): Promise<void> {
    const outcome = await this.#useStore(store, (found) => found.clear())
    if (outcome?.code === 'none') {
      store.clear()
      store.arm(outcome.moment)
    }
    if (outcome?.code === 'outcome-unknown') store.mayBeCleared()
  }

  async #rename(store: SimulatedStore): Promise<void> {
    const name = this.#parts.chance() < 0.4 ? null : this.#freeName()
    const outcome = await this.#attempt(({ stores }) => stores.update(store.id, { name }))
    if (!this.#lives(store, outcome)) return
    if (outcome.code === 'outcome-unknown') return this.#learnName(store, name)
    if (outcome.code === 'none' && name !== store.name) this.#renamed(store, name, outcome.moment)
    else if (outcome.code !== 'none') expect(failures).toContain(outcome.code)
  }

  async #share(store: SimulatedStore): Promise<void> {
    const userId = this.#pick(visitors) ?? ''
    const right = this.#pick([...actions, null]) ?? null
    const changes = { shares: { [userId]: right } }
    const outcome = await this.#attempt(({ stores }) => stores.update(store.id, changes))
    if (!this.#lives(store, outcome)) return
    if (outcome.code === 'none') store.share(userId, right)
    else if (outcome.code === 'outcome-unknown') store.mayBeShared(userId, right)
    else expect(failures).toContain(outcome.code)
  }

  /** Another user, with whom the store may be shared, opens it. */
  async #visit(store: SimulatedStore): Promise<void> {
    const userId = this.#pick(visitors) ?? ''
    const action = this.#pick(actions) ?? 'read'
    const outcome = await this.#attempt(async ({ access, stores }) => {
      const caller = access.callerFor(principalWith(userWith(userId)), 'apify', { action })
      return (await stores.find(store.id, caller)).identity()
    })
    if (!this.#lives(store, outcome)) return
    // Finding an expired store deletes it first, and that may fail.
    if (['outcome-unknown', ...failures].includes(outcome.code)) return
    expect(['none', 'access-denied']).toContain(outcome.code)
    store.visited(userId, action, { isAllowed: outcome.code === 'none' })
  }

  async #learnName(store: SimulatedStore, wanted: string | null): Promise<void> {
    const outcome = await this.#attempt(async ({ stores }) =>
      (await stores.find(store.id)).identity(),
    )
    if (!this.#lives(store, outcome) || !outcome.value) return
    expect([store.name, wanted]).toContain(outcome.value.name)
    if (outcome.value.name !== store.name) this.#renamed(store, wanted, outcome.moment)
  }

  #renamed(store: SimulatedStore, name: string | null, moment: Moment): void {
    store.name = name
    store.arm(moment)
  }

  async #drop(store: SimulatedStore): Promise<void> {
    const outcome = await this.#attempt(({ stores }) => stores.drop(store.id))
    if (outcome.code === 'none') return this.#forget(store)
    if (!this.#lives(store, outcome)) return
    if (outcome.code !== 'outcome-unknown') return expect(failures).toContain(outcome.code)
    const { code } = await this.#attempt((domain) => findAndUse(domain, store.id))
    if (code === 'store-not-found') this.#forget(store)
  }

  /** Uses the data of the store once; undefined if the store no longer exists. */
  async #useStore<T>(
    store: SimulatedStore,
    work: (found: Store) => Promise<T>,
  ): Promise<Outcome<T> | undefined> {
    const outcome = await this.#attempt(async ({ stores }) => work(await stores.find(store.id)))
    if (!this.#lives(store, outcome)) return undefined
    store.use(outcome.moment, { isDone: outcome.code === 'none' })
    // A server that was started while the clock was ahead gives up what others upload.
    const isEarly = this.#parts.endsOnTime ? [] : ['upload-expired']
    const expected = ['none', 'outcome-unknown', 'condition-failed', ...failures, ...isEarly]
    expect(expected).toContain(outcome.code)
    return outcome
  }

  #lives(store: SimulatedStore, { code, moment }: Outcome<unknown>): boolean {
    if (code !== 'store-not-found') {
      store.answered(moment)
      return true
    }
    expect(store.mayHaveEnded(moment), `${store.id} is gone`).toBe(true)
    this.#forget(store)
    return false
  }

  #forget(store: SimulatedStore): void {
    this.#stores.splice(this.#stores.indexOf(store), 1)
  }

  async #attempt<T>(work: (domain: TestDomain) => Promise<T>): Promise<Outcome<T>> {
    const { domains, environment } = this.#parts
    const domain = this.#pick(domains)
    if (!domain) throw new Error('There must be a server.')
    // The monotonic clock is the true time, also while the other one is wrong.
    const from = environment.monotonic()
    try {
      const value = await work(domain)
      return { moment: { from, to: environment.monotonic() }, code: 'none', value }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      const moment = { from, to: environment.monotonic() }
      return { moment, code: error.code, value: undefined }
    }
  }

  #newRecord(key: string): { label: string; record: ReturnType<typeof bytesRecord> } {
    this.#puts += 1
    const label = `${this.#parts.prefix}${this.#puts};`
    const bytes = Buffer.alloc(this.#pick(sizes) ?? 1, label)
    const pause = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
    }
    return { label, record: bytesRecord(key, new PausingSource(bytes, pause)) }
  }

  #freeName(): string {
    const taken = this.#stores.map(({ name }) => name)
    const names = Array.from({ length: 2 * storesMax }, (_, n) => `${this.#parts.prefix}${n}`)
    return this.#pick(names.filter((name) => !taken.includes(name))) ?? ''
  }

  #pick<T>(options: readonly T[]): T | undefined {
    return options[Math.floor(this.#parts.chance() * options.length)]
  }
}

/** The label that fills the whole value: a mix of two values has two labels. */
function labelOf(bytes: Uint8Array): string {
  const label = Buffer.from(bytes.subarray(0, bytes.indexOf(0x3b) + 1))
  const isWhole = Buffer.alloc(bytes.length, label).equals(bytes)
  expect(isWhole, `all of it is ${label}`).toBe(true)
  return label.toString()
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
