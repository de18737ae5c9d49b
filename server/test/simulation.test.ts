import { expect, it } from 'vitest'
import type { StorageEngine } from '../src/core/engine/engine.ts'
import { limits } from '../src/core/kernel/limits.ts'
import { entriesOf } from '../src/core/testing/entries.ts'
import { codeOf } from '../src/core/testing/outcomes.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../src/core/testing/test-domain.ts'
import { TestEnvironment } from '../src/core/testing/test-environment.ts'
import { day, hour, minute, second } from '../src/core/testing/times.ts'
import { check } from '../src/core/upkeep/check.ts'
import { chunkCount, decodeInfo } from '../src/core/values/record-info.ts'
import {
  allFaults,
  createChance,
  type Faults,
  FaultyEngine,
} from '../src/engines/conformance/faulty.ts'
import { MemoryEngine } from '../src/engines/memory.ts'
import { SimulatedClient, unnamedRetentionMs } from './support/simulation/simulated-client.ts'

const clients = 3
const rounds = 25
const operationsPerRound = 12
const pauses = [0, second, 20 * second, 10 * minute, 29 * minute, hour, 3 * hour] as const
/** How far a clock is set: within what is taken over little by little, and far beyond. */
const steps = [8 * day, -8 * day, 400 * day, hour, -hour, 45 * second, -45 * second] as const

/** Two servers on one engine that fails in every allowed way; each client has its own stores. */
class Simulation {
  readonly memory = new MemoryEngine()
  readonly #environment: TestEnvironment
  readonly #chance: () => number
  readonly #endsOnTime: boolean
  readonly #faults: { -readonly [K in keyof Faults]: number } = { ...allFaults }
  readonly #domains: TestDomain[] = []
  #clients: SimulatedClient[] = []

  constructor(seed: number, { endsOnTime = true } = {}) {
    this.#endsOnTime = endsOnTime
    this.#environment = new TestEnvironment(seed)
    this.#chance = createChance(seed)
  }

  async start(seed: number): Promise<void> {
    const engine = new FaultyEngine(this.memory, { faults: this.#faults, seed })
    const environment = this.#environment
    while (this.#domains.length < 2) {
      const { domain } = await this.#opened(engine)
      if (domain) this.#domains.push(domain)
    }
    this.#clients = Array.from({ length: clients }, (_, client) => {
      const prefix = `client-${client}-`
      return new SimulatedClient({
        prefix,
        domains: this.#domains,
        environment,
        chance: this.#chance,
        endsOnTime: this.#endsOnTime,
      })
    })
  }

  /** Runs clients and sweeps at the same time; then moves the clock on. */
  async round(): Promise<void> {
    const working = this.#clients.map((client) => client.work(operationsPerRound))
    const sweeping = this.#domains.map(({ sweeper }) => codeOf(sweeper.sweep()))
    await Promise.all([...working, ...sweeping])
    await this.#flush()
    await this.#pause(this.#pick<number>(pauses))
    expect((await check(this.memory)).problems).toEqual([])
  }

  /** Time passes. Servers sweep meanwhile, as real ones do, so the storage knows the time. */
  async #pause(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= limits.clockKeptMs) {
      this.#environment.advance(Math.min(left, limits.clockKeptMs))
      if (this.#endsOnTime) continue
      for (const { sweeper } of this.#domains) await codeOf(sweeper.sweep())
    }
  }

  /**
   * Lets the clock of both servers go wrong for a while: it is set forward or back, or stands
   * still. Clients and sweeps go on meanwhile. A server may be killed, and somebody may take the
   * wrong time for right.
   */
  async wrongTime(): Promise<void> {
    const environment = this.#environment
    const step = this.#pick<number>(steps)
    environment.setClock(step)
    await this.round()
    if (this.#chance() < 0.3) environment.standStill(this.#pick<number>(pauses))
    await this.round()
    // A start believes a clock that is less than a day ahead, and no step was noticed before.
    if (Math.abs(step) > minute && this.#chance() < 0.5) await this.#kill()
    if (this.#chance() < 0.3) await this.#confirm()
    await this.round()
    environment.setClock(-step)
    await this.round()
    await this.#confirm()
  }

  async #kill(): Promise<void> {
    const engine = new FaultyEngine(this.memory, { faults: this.#faults, seed: this.#chance() })
    const { domain } = await this.#opened(engine)
    if (domain) this.#domains[Math.floor(this.#chance() * this.#domains.length)] = domain
  }

  async #opened(engine: StorageEngine): Promise<{ domain?: TestDomain }> {
    const environment = this.#environment
    let domain: TestDomain | undefined
    const opening = openTestDomain(engine, { environment, unnamedRetentionMs })
    const keep = (opened: TestDomain): void => {
      domain = opened
    }
    const code = await codeOf(opening.then(keep))
    expect(['none', 'storage-unavailable', 'outcome-unknown']).toContain(code)
    return domain ? { domain } : {}
  }

  async #confirm(): Promise<void> {
    for (const domain of this.#domains) {
      if (!domain.clock.isHeld) continue
      while ((await codeOf(domain.confirmClock(undefined))) !== 'none');
    }
  }

  #pick<T>(options: readonly [T, ...T[]]): T {
    return options[Math.floor(this.#chance() * options.length)] ?? options[0]
  }

  /** Ends the faults, and checks that the stores hold all known records and nothing else. */
  async end(): Promise<void> {
    Object.assign(this.#faults, { delay: 0, conflict: 0, failBefore: 0, unknown: 0 })
    for (const client of this.#clients) await client.compare()
    for (const domain of this.#domains) await domain.close()
    expect((await check(this.memory)).problems).toEqual([])
  }

  /** Lets unused stores expire, and sweeps. */
  async rest(): Promise<TestDomain> {
    const environment = this.#environment
    const domain = await openTestDomain(this.memory, { environment, unnamedRetentionMs })
    await sweepFor(domain, day)
    await sweepFor(domain, 2 * hour)
    return domain
  }

  /** Sweeps until it succeeds: a complete sweep has written all known uses of stores. */
  async #flush(): Promise<void> {
    for (const { sweeper } of this.#domains) {
      while ((await codeOf(sweeper.sweep())) !== 'none');
    }
    for (const client of this.#clients) client.flushed()
  }
}

/** More by `npm run test:long`. */
const runs = Number(process.env.COATCHECK_SIMULATION_RUNS ?? 2)
const seeds = Array.from({ length: runs }, (_, seed) => seed)

it.each(seeds)(
  'stores hold the right records while everything fails that can fail: seed %i',
  async (seed) => {
    const simulation = new Simulation(seed)
    await simulation.start(seed)
    for (let round = 0; round < rounds; round += 1) await simulation.round()
    await simulation.end()
    const { engine } = await simulation.rest()
    expect((await check(engine)).problems).toEqual([])
    expect(await entriesOf(engine, 'lease')).toHaveLength(0)
    expect(await entriesOf(engine, 'chunk')).toHaveLength(await chunksInUse(engine))
  },
)

it.each(seeds)(
  'stores never end early, whatever clocks do and whoever confirms them: seed %i',
  async (seed) => {
    const simulation = new Simulation(1_000 + seed, { endsOnTime: false })
    await simulation.start(seed)
    for (let times = 0; times < 6; times += 1) {
      await simulation.round()
      await simulation.wrongTime()
    }
    await simulation.end()
  },
)

/** The number of chunks that the stored records need. */
async function chunksInUse(engine: StorageEngine): Promise<number> {
  const infos = (await entriesOf(engine, 'record')).map(decodeInfo)
  return infos
    .filter(({ place }) => place.kind === 'chunks')
    .reduce((total, { size }) => total + chunkCount(size), 0)
}
