import { isDeepStrictEqual as isEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { StorageEngine } from '../src/core/engine/engine.ts'
import { NamedRequest } from '../src/core/idempotency/named-request.ts'
import { StorageError } from '../src/core/kernel/errors.ts'
import type { Change } from '../src/core/log/change.ts'
import { whileHeld } from '../src/core/records/held-records.ts'
import type { Condition } from '../src/core/records/record.ts'
import type { Compute, NewValue } from '../src/core/records/record-update.ts'
import type { Store } from '../src/core/stores/store.ts'
import { owner } from '../src/core/testing/callers.ts'
import { codeOf } from '../src/core/testing/outcomes.ts'
import { openTestDomain, type TestDomain } from '../src/core/testing/test-domain.ts'
import { TestEnvironment } from '../src/core/testing/test-environment.ts'
import { allFaults, FaultyEngine } from '../src/engines/conformance/faulty.ts'
import { LmdbEngine } from '../src/engines/lmdb/lmdb.ts'
import { createSharedData } from './support/data/shared-data.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import {
  type Asked,
  afterAll,
  emptyModel,
  type KeyModel,
  type Made,
  type ModelChange,
} from './support/load/update-model.ts'
import { allEngines } from './support/network/test-server.ts'

/** How many times as many sequences; more by `npm run test:long`. */
const share = Number(process.env.COATCHECK_PROPERTY_SHARE ?? 1)
const runs = { memory: 60, lmdb: 30, postgresql: 15 }
const keys = ['a', 'b', '']
const noFaults = { delay: 0, conflict: 0, failBefore: 0, unknown: 0 }
/** A commit whose outcome is unknown has no place in the model. */
const faults = { ...allFaults, unknown: 0 }

type Kind = (typeof allEngines)[number]

/** An update as it is drawn: its condition depends on what is stored by then. */
interface Drawn extends Omit<Asked, 'condition'> {
  readonly condition: undefined | 'absent' | 'present' | 'current' | 'first'
  /** Which server gets it. */
  readonly at: number
}

/** Updates that are under way at the same time; 'reopen': all servers end, and start again. */
type Step = readonly Drawn[] | 'reopen'

type Stored = Omit<KeyModel, 'done'>

interface Sequence {
  readonly steps: readonly Step[]
  readonly isFailing: boolean
  readonly seed: number
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  key: fc.constantFrom('a', 'a', 'b', ''),
  kind: fc.constantFrom('add', 'add', 'add', 'keep', 'delete', 'refuse'),
  by: fc.integer({ min: -2, max: 2 }),
  name: fc.constantFrom(undefined, undefined, 'one', 'two'),
  condition: fc.constantFrom(undefined, undefined, 'absent', 'present', 'current', 'first'),
  at: fc.nat({ max: 1 }),
})

const sequence: fc.Arbitrary<Sequence> = fc.record({
  steps: fc.array(
    fc.oneof(
      { weight: 9, arbitrary: fc.array(drawn, { minLength: 1, maxLength: 5 }) },
      { weight: 1, arbitrary: fc.constant('reopen' as const) },
    ),
    { maxLength: 10 },
  ),
  isFailing: fc.boolean(),
  seed: fc.nat(),
})

describe.each(allEngines)('random updates, on %s', (kind) => {
  it('do one after the other what a model does, and nothing where they fail', {
    timeout: 60_000 * Math.max(1, share),
  }, async () => {
    const servers = await Servers.open(kind)
    onTestFinished(() => servers.close())
    await fc.assert(
      fc.asyncProperty(sequence, (drawn) => run(servers, drawn)),
      { numRuns: runs[kind] * share },
    )
  })
})

async function run(servers: Servers, { steps, isFailing, seed }: Sequence): Promise<void> {
  const storeId = await servers.begin({ seed, isFailing })
  const models = new Map(keys.map((key) => [key, emptyModel]))
  for (const step of steps) {
    if (step === 'reopen') await servers.reopen()
    else await makeTogether(await servers.find(storeId), step, models)
  }
  servers.failNoMore()
  const expected = new Map([...models].map(([key, model]) => [key, storedOf(model)]))
  for (const store of await servers.find(storeId)) expect(await storedIn(store)).toEqual(expected)
}

/** Makes the updates at the same time, and finds an order in which the model does the same. */
async function makeTogether(
  stores: readonly Store[],
  step: readonly Drawn[],
  models: Map<string, KeyModel>,
): Promise<void> {
  const made = await Promise.all(
    step.map(({ at, condition, ...rest }) => {
      const asked = { ...rest, condition: conditionOf(condition, models.get(rest.key)) }
      return make(stores[at % stores.length], asked)
    }),
  )
  const stored = await storedIn(stores[0])
  for (const key of keys) {
    const before = models.get(key) ?? emptyModel
    const ofKey = made.filter(({ asked }) => asked.key === key)
    const after = afterAll(before, ofKey, (model) => isEqual(stored.get(key), storedOf(model)))
    const found = JSON.stringify([before, ofKey, stored.get(key)])
    expect(after, `No order explains this: ${found}`).toBeDefined()
    if (after) models.set(key, after)
  }
}

async function make(store: Store | undefined, asked: Asked): Promise<Made> {
  const { key, kind, by, name, condition } = asked
  const parts = [kind, String(by)]
  const request = name === undefined ? undefined : new NamedRequest({ scope: 'jane', name, parts })
  const updating = store?.update(key, computes[kind](by), { condition, request })
  const code = await codeOf(updating)
  const isRepetition = request?.isRepetition === true && code === 'none'
  if (code !== 'none') return { asked, outcome: { code, isRepetition } }
  const updated = await updating
  const value = updated?.bytes && Number(Buffer.from(updated.bytes).toString())
  return { asked, outcome: { code, value, revision: updated?.revision, isRepetition } }
}

/** What is under each key: its value and revision, and all changes of it in the log. */
async function storedIn(store: Store | undefined): Promise<Map<string, Stored>> {
  if (!store) return new Map()
  const [{ changes }, ...records] = await Promise.all([
    store.changes({ after: 0, prefix: '' }),
    ...keys.map((key) => readNumber(store, key)),
  ])
  const logs = keys.map((key) => changes.filter((change) => change.key === key).map(modelOf))
  return new Map(
    records.map((record, at) => [keys[at] ?? '', { ...record, changes: logs[at] ?? [] }]),
  )
}

async function readNumber(store: Store, key: string): Promise<Omit<Stored, 'changes'>> {
  const record = await store.get(key)
  const value = await whileHeld([record], async () => record && numberIn(await record.value.read()))
  return { value, revision: record?.revision ?? 0 }
}

function modelOf({ kind, revision }: Change): ModelChange {
  return kind === 'put' ? { kind, revision } : { kind: 'delete', revision: undefined }
}

function storedOf({ value, revision, changes }: KeyModel): Stored {
  return { value, revision, changes }
}

function conditionOf(
  condition: Drawn['condition'],
  model: KeyModel | undefined,
): Condition | undefined {
  if (condition === undefined) return undefined
  if (condition === 'absent' || condition === 'present') return { kind: condition }
  const revision = condition === 'current' ? model?.revision : model?.changes[0]?.revision
  return { kind: 'revision', anyOf: [revision ?? 0] }
}

const computes: Record<Asked['kind'], (by: number) => Compute> = {
  add: (by) => async (before) => {
    const sum = ((await before?.value.read().then(numberIn)) ?? 0) + by
    return json(sum)
  },
  keep: () => async (before) => {
    const value = await before?.value.read().then(numberIn)
    return { ...json(value ?? 0), isChanged: before === undefined }
  },
  delete: () => async () => undefined,
  refuse: () => async () => {
    throw new StorageError('patch-failed', 'No.')
  },
}

function numberIn(bytes: Uint8Array): number {
  return Number(Buffer.from(bytes).toString())
}

function json(value: number): NewValue {
  const bytes = Buffer.from(String(value))
  return { contentType: 'application/json', bytes, jsonState: 'sound', isChanged: true }
}

/** One server on LMDB, two on what servers can share; without doors. */
class Servers {
  readonly #openEngine: () => Promise<StorageEngine>
  readonly #count: number
  readonly #environment = new TestEnvironment()
  #engines: StorageEngine[] = []
  #domains: TestDomain[] = []
  #seed = 0
  /** Those of all engines of this sequence. */
  #faults = noFaults
  #begun = 0

  private constructor(openEngine: () => Promise<StorageEngine>, count: number) {
    this.#openEngine = openEngine
    this.#count = count
  }

  static async open(kind: Kind): Promise<Servers> {
    if (kind === 'lmdb') {
      const folder = createTestFolder()
      return new Servers(async () => new LmdbEngine(folder), 1)
    }
    const { openEngine } = await createSharedData(kind)
    return new Servers(openEngine, 2)
  }

  /** Answers the id of a new store. */
  async begin({ seed, isFailing }: { seed: number; isFailing: boolean }): Promise<string> {
    await this.#closeDomains()
    this.#seed = seed
    this.#faults = { ...noFaults }
    await this.#openDomains()
    this.#begun += 1
    const store = await this.#domains[0]?.stores.create({
      ownerId: owner,
      name: `coats-${this.#begun}`,
    })
    if (isFailing) Object.assign(this.#faults, faults)
    return store?.id ?? ''
  }

  failNoMore(): void {
    Object.assign(this.#faults, noFaults)
  }

  find(storeId: string): Promise<Store[]> {
    return Promise.all(this.#domains.map(({ stores }) => stores.find(storeId)))
  }

  async reopen(): Promise<void> {
    const current = { ...this.#faults }
    await this.close()
    await this.#openDomains()
    Object.assign(this.#faults, current)
  }

  async close(): Promise<void> {
    await this.#closeDomains()
    for (const engine of this.#engines.splice(0)) await engine.close()
  }

  async #openDomains(): Promise<void> {
    for (let index = 0; index < this.#count; index += 1) {
      const engine = this.#engines[index] ?? (await this.#openEngine())
      this.#engines[index] = engine
      const { isShared } = engine
      const options = { faults: this.#faults, seed: this.#seed + index, isShared }
      const domain = await openTestDomain(new FaultyEngine(engine, options), {
        environment: this.#environment,
      })
      this.#domains.push(domain)
    }
  }

  async #closeDomains(): Promise<void> {
    this.failNoMore()
    for (const domain of this.#domains.splice(0)) await domain.close()
  }
}
