import { createHash } from 'node:crypto'
import type { UserPrincipal } from '../access/principal.ts'
import { kindRange } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import { type Domain, type DomainOptions, openDomain } from '../domain.ts'
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
import { type Caller, system } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import type { Awaitable } from '../kernel/awaitable.ts'
import { type ByteSource, WholeSource } from '../kernel/byte-source.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { Environment } from '../kernel/environment.ts'
import { type ErrorCode, StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { fullScope, type Scope } from '../people/scope.ts'
import type { User } from '../people/users.ts'
import { whileHeld } from '../records/held-records.ts'
import type { NewRecord } from '../records/record.ts'
import type { Store } from '../stores/store.ts'

export const second = 1_000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

/** Owner ids with the length of real ones. */
export const owner = 'owner000000000001'
export const otherOwner = 'owner000000000002'

/**
 * Time stands still until a test moves it, random bytes come from a seed, and logged errors are
 * kept for the test.
 */
export class TestEnvironment implements Environment {
  readonly errors: unknown[] = []
  /** What was logged without a cause. */
  readonly events: string[] = []
  readonly #seed: number
  #now = Date.UTC(2026, 0, 1)
  #monotonic = 0
  #asleep = 0
  #drawn = 0

  constructor(seed = 1) {
    this.#seed = seed
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  asleep(): number {
    return this.#asleep
  }

  /** Lets time pass. A negative `ms` only sets the clock back: no time passes. */
  advance(ms: number): void {
    this.#now += ms
    this.#monotonic += Math.max(0, ms)
  }

  /** Sets the clock forward or, with a negative `ms`, back: no time passes. */
  setClock(ms: number): void {
    this.#now += ms
  }

  /** Lets time pass while the clock stands still. */
  standStill(ms: number): void {
    this.#monotonic += ms
  }

  /** The machine sleeps: its clock goes on, the monotonic clock does not. */
  sleep(ms: number): void {
    this.#now += ms
    this.#asleep += ms
  }

  randomBytes(count: number): Buffer {
    this.#drawn += 1
    const hash = createHash('shake256', { outputLength: count })
    return hash.update(`${this.#seed}/${this.#drawn}`).digest()
  }

  logError(message: string, cause: unknown): void {
    if (cause === undefined) this.events.push(message)
    else this.errors.push(cause)
  }
}

export interface TestDomain extends Domain {
  readonly engine: StorageEngine
  readonly environment: TestEnvironment
}

/** The real domain on `engine`, with its own clock unless an environment is given. */
export async function openTestDomain(
  engine: StorageEngine,
  options: Partial<DomainOptions> & { environment?: TestEnvironment } = {},
): Promise<TestDomain> {
  const { environment = new TestEnvironment(), ...settings } = options
  const { unnamedRetentionMs } = limits
  const domain = await openDomain(engine, environment, { unnamedRetentionMs, ...settings })
  return { ...domain, engine, environment }
}

export function textRecord(key: string, text: string): NewRecord {
  return {
    key,
    contentType: 'text/plain; charset=utf-8',
    contentEncoding: '',
    source: new WholeSource(Buffer.from(text)),
  }
}

/** A record of any bytes. `source` may be a ByteSource that delivers them in a special way. */
export function bytesRecord(key: string, source: Bytes | ByteSource): NewRecord {
  return {
    key,
    contentType: 'application/octet-stream',
    contentEncoding: '',
    source: source instanceof Uint8Array ? new WholeSource(source) : source,
  }
}

/** `size` bytes without repetitions, so that shifted or swapped parts are noticed. */
export function patternBytes(size: number, seed = 0): Buffer {
  const hash = createHash('shake256', { outputLength: Math.max(size, 1) })
  return hash.update(`pattern ${seed}`).digest().subarray(0, size)
}

/** A value in two parts or more; `pause` runs before its second part is taken. */
export class PausingSource implements ByteSource {
  readonly #source: ByteSource
  readonly #pause: () => Promise<void>
  #taken = 0

  constructor(bytes: Bytes, pause: () => Promise<void>) {
    this.#source = new WholeSource(bytes)
    this.#pause = pause
  }

  async take(count: number): Promise<Bytes> {
    this.#taken += 1
    if (this.#taken === 2) await this.#pause()
    return this.#source.take(count)
  }
}

export async function readBytes(store: Store, key: string): Promise<Bytes | undefined> {
  const record = await store.get(key)
  return whileHeld([record], () => record?.value.read())
}

export async function readText(store: Store, key: string): Promise<string | undefined> {
  const bytes = await readBytes(store, key)
  return bytes && Buffer.from(bytes).toString()
}

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

/** An engine that other servers may use, too. */
export class SharedEngine extends HurtEngine {
  override get isShared(): boolean {
    return true
  }
}

function nameOf(key: Bytes): string {
  return Buffer.from(key).toString('hex')
}

/** A user, who is not an admin by default. */
export function userWith(id: string, changes: Partial<User> = {}): User {
  const access = { isAdmin: false, isDisabled: false, generalAccess: 'RESTRICTED' } as const
  return { id, username: id, createdAt: 0, ...access, ...changes }
}

/** The principal of a user with a token of that scope, by default the full scope. */
export function principalWith(user: User, scope: Partial<Scope> = {}): UserPrincipal {
  const whole = { ...fullScope, ...scope }
  return { kind: 'user', user, tokenId: '00ff00ff00ff00ff', scope: whole, isOperator: false }
}

/** The identity of a store that does not exist in storage. */
export function identityWith(changes: Partial<StoreIdentity> = {}): StoreIdentity {
  return {
    id: 'store000000000001',
    ownerId: owner,
    name: null,
    title: null,
    generalAccess: 'RESTRICTED',
    shares: {},
    session: null,
    project: null,
    contentId: Buffer.alloc(12),
    retention: 'default',
    createdAt: 0,
    hasSchema: false,
    signingSecret: 'secret',
    ...changes,
  }
}

/** A caller whose rights only `guard` decides: it throws if the caller may not use the store. */
export function callerWith(guard: (store: StoreIdentity) => void): Caller {
  return { ...system, assert: guard }
}

/** Finds a store and uses it, since a store that was found may be gone. */
export async function findAndUse({ stores }: Domain, storeId: string): Promise<StoreIdentity> {
  return (await stores.find(storeId)).identity()
}

/** Work that may throw synchronously, as a promise. */
export async function promised<T>(work: () => Awaitable<T>): Promise<T> {
  return work()
}

/** The code of the StorageError that `work` rejects with; 'none' if it resolves. */
export async function codeOf(work: unknown): Promise<ErrorCode | 'none'> {
  try {
    await work
    return 'none'
  } catch (error) {
    if (error instanceof StorageError) return error.code
    throw error
  }
}

/** All stored entries of one kind. */
export async function entriesOf(
  engine: StorageEngine,
  kind: Parameters<typeof kindRange>[0],
): Promise<Entry[]> {
  return Array.fromAsync(walk(engine, kindRange(kind)))
}

/**
 * Moves the clock by `ms` and sweeps like a running server, so that everything due by then is
 * removed.
 */
export async function sweepFor(
  { sweeper, environment }: Pick<TestDomain, 'sweeper' | 'environment'>,
  ms: number,
): Promise<void> {
  const step = Math.max(limits.sweepIntervalMs, ms / 20)
  for (let passed = 0; passed < ms; passed += step) {
    environment.advance(step)
    await sweeper.sweep()
  }
}

/**
 * Waits some turns of the event loop, until background work on an engine without delays has ended.
 */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
}
