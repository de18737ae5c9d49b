import fc from 'fast-check'
import { expect } from 'vitest'
import {
  type AtomicWrite,
  EngineError,
  type Entry,
  type Revision,
  type StorageEngine,
} from '../../core/engine/engine.ts'

/** What the engine should hold: names to entries, latin1 so that order is the order of bytes. */
type Model = Map<string, { value: string; revision: Revision; isCounter: boolean }>

type Step =
  | { readonly kind: 'get'; readonly keys: readonly string[] }
  | { readonly kind: 'scan'; readonly start: string; readonly end: string; readonly limit: number }
  | {
      readonly kind: 'commit'
      readonly checks: readonly { key: string; holds: boolean }[]
      readonly deletes: readonly string[]
      readonly puts: readonly { key: string; value: string; stamped: boolean }[]
      readonly sums: readonly { key: string; delta: bigint }[]
    }

// Few and awkward keys, so that the steps of a sequence often meet the same key.
const keyNames = ['a', 'a\0', 'ab', 'b', '\xff', '\0', 'é'.normalize('NFC'), 'b\xff']
const anyKey = fc.constantFrom(...keyNames)
const someKeys = fc.uniqueArray(anyKey, { maxLength: 3 })

const commitStep = fc
  .record({
    checks: fc.array(fc.record({ key: anyKey, holds: fc.boolean() }), { maxLength: 2 }),
    written: fc.uniqueArray(anyKey, { maxLength: 4 }),
    roles: fc.array(fc.constantFrom('delete', 'put', 'stamped', 'sum'), {
      minLength: 4,
      maxLength: 4,
    }),
    value: fc.string({ unit: 'binary', maxLength: 20 }),
    delta: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  })
  .map(({ checks, written, roles, value, delta }): Step => {
    const of = (role: string): string[] => written.filter((_, index) => roles[index] === role)
    return {
      kind: 'commit',
      checks,
      deletes: of('delete'),
      puts: [
        ...of('put').map((key) => ({ key, value, stamped: false })),
        ...of('stamped').map((key) => ({ key, value, stamped: true })),
      ],
      sums: of('sum').map((key) => ({ key, delta })),
    }
  })

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: commitStep },
  { weight: 1, arbitrary: someKeys.map((keys): Step => ({ kind: 'get', keys })) },
  {
    weight: 1,
    arbitrary: fc
      .record({ start: anyKey, end: anyKey, limit: fc.integer({ min: 1, max: 5 }) })
      .map((scan): Step => ({ kind: 'scan', ...scan })),
  },
)

/** Sequences that run at the same time: the engine groups their commits, as in real use. */
const sideBySide = 8

/**
 * Compares `runs` random sequences of operations with a sorted map; a failing seed is printed and
 * can be replayed. Each sequence has keys of its own.
 */
export async function runModel(engine: StorageEngine, runs: number): Promise<void> {
  let sequence = 0
  const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 12 }), async (steps) => {
    sequence += 1
    const run = new ModelRun(engine, `model/${sequence}/`)
    for (const step of steps) await run.take(step)
    await run.compareAll()
  })
  const numRuns = Math.ceil(runs / sideBySide)
  await Promise.all(Array.from({ length: sideBySide }, () => fc.assert(property, { numRuns })))
}

class ModelRun {
  readonly #engine: StorageEngine
  readonly #prefix: string
  readonly #model: Model = new Map()
  #newest: Revision = 0

  constructor(engine: StorageEngine, prefix: string) {
    this.#engine = engine
    this.#prefix = prefix
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'get') return this.#get(step.keys)
    if (step.kind === 'scan') return this.#scan(step)
    return this.#commit(step)
  }

  async compareAll(): Promise<void> {
    await this.#scan({ start: '', end: '\xff\xff\xff', limit: 1_000 })
  }

  async #get(keys: readonly string[]): Promise<void> {
    const entries = await this.#engine.get(keys.map((key) => this.#bytes(key)))
    expect(entries.map(shown)).toEqual(keys.map((key) => this.#expected(key)))
  }

  async #scan({ start, end, limit }: { start: string; end: string; limit: number }): Promise<void> {
    const range = { start: this.#bytes(start), end: this.#bytes(end) }
    const page = await this.#engine.scan(range, { limit, bytes: 1_000_000 })
    const names = [...this.#model.keys()].filter((name) => name >= start && name < end).sort()
    expect(page.entries.map(shown)).toEqual(names.slice(0, limit).map((n) => this.#expected(n)))
    expect(page.more).toBe(names.length > limit)
  }

  async #commit(step: Extract<Step, { kind: 'commit' }>): Promise<void> {
    const write = this.#writeOf(step)
    const holds = step.checks.every(({ holds: one }) => one)
    try {
      const commit = await this.#engine.commit(write)
      expect(commit.applied).toBe(holds)
      expect(this.#refusal(step) && holds).toBe(false)
      if (commit.applied) this.#apply(step, commit.revision)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      if (error.failure === 'refused') expect(this.#refusal(step)).toBe(true)
      if (error.applied === 'unknown') await this.#learn(step)
    }
  }

  /** Finds out after a lost answer whether the commit was applied: all of it, or nothing. */
  async #learn(step: Extract<Step, { kind: 'commit' }>): Promise<void> {
    const range = { start: this.#bytes(''), end: this.#bytes('\xff\xff\xff') }
    const { entries } = await this.#engine.scan(range, { limit: 1_000, bytes: 1_000_000 })
    const newest = Math.max(0, ...entries.map(({ revision }) => revision))
    const isDeleted = step.deletes.some(
      (name) => this.#model.has(name) && !entries.some(({ key }) => this.#bytes(name).equals(key)),
    )
    if (newest > this.#newest) this.#apply(step, newest)
    else if (isDeleted) this.#apply(step, this.#newest)
  }

  #apply(step: Extract<Step, { kind: 'commit' }>, revision: Revision): void {
    for (const key of step.deletes) this.#model.delete(key)
    for (const { key, value, stamped } of step.puts) {
      const name = stamped ? key + stampOf(revision) : key
      this.#model.set(name, { value, revision, isCounter: false })
    }
    for (const { key, delta } of step.sums) {
      const total = BigInt(this.#model.get(key)?.value ?? 0) + delta
      this.#model.set(key, { value: String(total), revision, isCounter: true })
    }
    expect(revision).toBeGreaterThanOrEqual(this.#newest)
    this.#newest = revision
  }

  #refusal(step: Extract<Step, { kind: 'commit' }>): boolean {
    return step.sums.some(({ key, delta }) => {
      const kept = this.#model.get(key)
      if (kept && !kept.isCounter) return true
      const total = BigInt(kept?.value ?? 0) + delta
      return total >= 2n ** 63n || total < -(2n ** 63n)
    })
  }

  #writeOf(step: Extract<Step, { kind: 'commit' }>): AtomicWrite {
    return {
      checks: step.checks.map(({ key, holds }) => {
        const revision = this.#model.get(key)?.revision
        return { key: this.#bytes(key), revision: holds ? revision : (revision ?? 0) + 1 }
      }),
      deletes: step.deletes.map((key) => this.#bytes(key)),
      puts: step.puts.map(({ key, value, stamped }) => ({
        key: this.#bytes(key),
        value: Buffer.from(value),
        stamped,
      })),
      sums: step.sums.map(({ key, delta }) => ({ key: this.#bytes(key), delta })),
    }
  }

  #expected(name: string): unknown {
    const kept = this.#model.get(name)
    if (!kept) return undefined
    const counter = Buffer.alloc(8)
    if (kept.isCounter) counter.writeBigInt64BE(BigInt(kept.value))
    const value = kept.isCounter ? counter : Buffer.from(kept.value)
    return { key: this.#bytes(name), value, revision: kept.revision }
  }

  #bytes(name: string): Buffer {
    return Buffer.from(this.#prefix + name, 'latin1')
  }
}

function shown(entry: Entry | undefined): unknown {
  if (!entry) return undefined
  return { key: Buffer.from(entry.key), value: Buffer.from(entry.value), revision: entry.revision }
}

function stampOf(revision: Revision): string {
  const stamp = Buffer.alloc(8)
  stamp.writeBigUInt64BE(BigInt(revision))
  return stamp.toString('latin1')
}
