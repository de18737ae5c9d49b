import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { SteadyClock } from '../clock/steady-clock.ts'
import { encodeNumber, storeKey } from '../disk/keyspace.ts'
import {
  EngineError,
  type KeyRange,
  type Page,
  type Revision,
  type ScanBound,
  type StorageEngine,
} from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { textRecord } from '../testing/records.ts'
import { SharedEngine } from '../testing/shared-engine.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { day, hour } from '../testing/times.ts'
import { changePut } from './change.ts'
import { ChangeTrimmer } from './change-trimmer.ts'

const storeId = 'store000000000001'
const otherId = 'store000000000002'
/** A log that is read over several pages and removed in several batches. */
const small = { keptMax: 5_000, betweenTrims: 1_000, rememberedMax: 1_000_000 } as const

/** An engine that holds stores with this many changes each, made `apartMs` apart. */
async function engineWith(
  environment: TestEnvironment,
  counts: Readonly<Record<string, number>>,
  apartMs = 0,
): Promise<StorageEngine> {
  const engine = new MemoryEngine()
  for (const [id, count] of Object.entries(counts)) {
    await engine.commit({ puts: [{ key: storeKey(id), value: Buffer.of() }] })
    for (let made = 0; made < count; made += 1) {
      const at = environment.now()
      await engine.commit({ puts: [changePut(id, { kind: 'put', key: 'a', size: 1, at })] })
      environment.advance(apartMs)
    }
  }
  return engine
}

async function changesIn(engine: StorageEngine): Promise<number> {
  return (await entriesOf(engine, 'change')).length
}

describe('a swept change log', () => {
  it('keeps changes for seven days and no longer', async () => {
    const environment = new TestEnvironment()
    const engine = await engineWith(environment, { [storeId]: 10 }, hour)
    const trimmer = new ChangeTrimmer(engine, new SteadyClock(environment))
    environment.advance(7 * day - 10 * hour)
    await trimmer.sweep()
    expect(await changesIn(engine)).toBe(10)
    environment.advance(3 * hour + 1)
    await trimmer.sweep()
    expect(await changesIn(engine)).toBe(6)
  })

  it('remembers how far it was trimmed', async () => {
    const environment = new TestEnvironment()
    const engine = await engineWith(environment, { [storeId]: 5 })
    const last = (await entriesOf(engine, 'change')).at(-1)?.revision ?? 0
    environment.advance(8 * day)
    await new ChangeTrimmer(engine, new SteadyClock(environment)).sweep()
    const [mark] = await entriesOf(engine, 'changesTrimmed')
    expect(Buffer.from(mark?.value ?? [])).toEqual(encodeNumber(last))
  })

  it('loses more than one batch in one sweep', async () => {
    const environment = new TestEnvironment()
    const count = 2 * limits.sweepBatchKeysMax + 7
    const engine = await engineWith(environment, { [storeId]: count })
    environment.advance(8 * day)
    await new ChangeTrimmer(engine, new SteadyClock(environment)).sweep()
    expect(await changesIn(engine)).toBe(0)
  })

  it('loses old changes in every store', async () => {
    const environment = new TestEnvironment()
    const engine = await engineWith(environment, { [storeId]: 3, [otherId]: 4 })
    environment.advance(8 * day)
    await new ChangeTrimmer(engine, new SteadyClock(environment)).sweep()
    expect(await changesIn(engine)).toBe(0)
  })

  it('is visited even after logs that need no trim', async () => {
    const environment = new TestEnvironment()
    const engine = await engineWith(environment, { [otherId]: 3 })
    environment.advance(8 * day)
    const change = { kind: 'put', key: 'a', size: 1, at: environment.now() } as const
    await engine.commit({ puts: [changePut(storeId, change)] })
    await new ChangeTrimmer(engine, new SteadyClock(environment)).sweep()
    expect(await changesIn(engine)).toBe(1)
  })

  it('is visited in turn if there are more logs than one sweep visits', async () => {
    const environment = new TestEnvironment()
    const ids = Array.from(
      { length: limits.sweepItemsMax + 10 },
      (_, index) => `store${String(index).padStart(12, '0')}`,
    )
    const engine = await engineWith(environment, Object.fromEntries(ids.map((id) => [id, 1])))
    const trimmer = new ChangeTrimmer(engine, new SteadyClock(environment))
    environment.advance(8 * day)
    await trimmer.sweep()
    expect(await changesIn(engine)).toBe(10)
    await trimmer.sweep()
    expect(await changesIn(engine)).toBe(0)
  })

  it('keeps the newest 100,000 changes of a store', async () => {
    const environment = new TestEnvironment()
    const excess = 1_234
    const engine = await engineWith(environment, {
      [storeId]: limits.changesKeptPerStoreMax + excess,
      [otherId]: 5,
    })
    const before = await entriesOf(engine, 'change')
    const trimmer = new ChangeTrimmer(engine, new SteadyClock(environment))
    noteEnough(trimmer)
    await trimmer.sweep()
    const kept = await entriesOf(engine, 'change')
    expect(kept.length).toBe(limits.changesKeptPerStoreMax + 5)
    expect(kept[0]?.revision).toBe(before[excess]?.revision)
  })

  it('is not counted before enough changes were made', async () => {
    const environment = new TestEnvironment()
    const engine = await engineWith(environment, { [storeId]: limits.changesKeptPerStoreMax + 1 })
    const trimmer = new ChangeTrimmer(engine, new SteadyClock(environment))
    for (let made = 1; made < limits.changesBetweenTrims; made += 1) trimmer.note(storeId, made)
    await trimmer.sweep()
    expect(await changesIn(engine)).toBe(limits.changesKeptPerStoreMax + 1)
  })

  it('is counted even if more other stores change than the server remembers', async () => {
    const environment = new TestEnvironment()
    const engine = await engineWith(environment, { [storeId]: limits.changesKeptPerStoreMax + 1 })
    const trimmer = new ChangeTrimmer(engine, new SteadyClock(environment))
    for (let other = 0; other < limits.activeStoresMax + 10; other += 1) {
      trimmer.note(`store${other}`, other)
      if (other % 10 === 0) trimmer.note(storeId, other)
    }
    await trimmer.sweep()
    expect(await changesIn(engine)).toBe(limits.changesKeptPerStoreMax)
  })
})

describe('a change log that is trimmed again and again', () => {
  const max = small.keptMax
  const enough = small.betweenTrims

  it('keeps the newest changes each time, and is read only once', async () => {
    const { environment, engine, change } = await busyStore(max + 10)
    const scanned = new ScannedEngine(engine)
    const trimmer = new ChangeTrimmer(scanned, new SteadyClock(environment), small)
    let pages = 0
    scanned.afterScan = async () => {
      pages += 1
    }
    const pagesOfSweeps: number[] = []
    for (let sweep = 0; sweep < 3; sweep += 1) {
      for (let made = 0; made < enough; made += 1) trimmer.note(storeId, await change())
      const before = await entriesOf(engine, 'change')
      pages = 0
      await trimmer.sweep()
      pagesOfSweeps.push(pages)
      expect(await entriesOf(engine, 'change')).toEqual(before.slice(-max))
    }
    expect(pagesOfSweeps[0]).toBeGreaterThan(max / limits.sweepPageItems)
    // The sweep always looks for old changes.
    expect(pagesOfSweeps.slice(1)).toEqual([3, 3])
  })

  it('counts a change that was logged during the read only once', async () => {
    const { environment, engine, change } = await busyStore(max)
    const slow = new ScannedEngine(engine)
    const trimmer = new ChangeTrimmer(slow, new SteadyClock(environment), small)
    noteEnough(trimmer)
    slow.afterScan = async () => {
      for (let made = 0; made < 5; made += 1) trimmer.note(storeId, await change())
    }
    await trimmer.sweep()
    slow.afterScan = undefined
    for (let made = 0; made < enough; made += 1) trimmer.note(storeId, await change())
    await trimmer.sweep()
    expect(await changesIn(engine)).toBe(max)
  })

  it('is trimmed completely after a trim that failed in the middle', async () => {
    const { environment, engine, change } = await busyStore(max)
    const hurt = new HurtEngine(engine)
    const trimmer = new ChangeTrimmer(hurt, new SteadyClock(environment), small)
    for (let made = 0; made < enough; made += 1) trimmer.note(storeId, await change())
    await trimmer.sweep()
    for (let made = 0; made < enough; made += 1) trimmer.note(storeId, await change())
    hurt.beforeCommit = async () => {
      hurt.beforeCommit = async () => {
        throw new EngineError('full', 'The disk is full.')
      }
    }
    await expect(trimmer.sweep()).rejects.toThrow('full')
    expect(await changesIn(engine)).toBe(max + enough - limits.sweepBatchKeysMax)
    for (let made = 0; made < enough; made += 1) trimmer.note(storeId, await change())
    await trimmer.sweep()
    expect(await changesIn(engine)).toBe(max)
  })

  it('is read again if the server had to forget it to stay within its bound', async () => {
    const environment = new TestEnvironment()
    const ids = [storeId, otherId]
    const engine = await engineWith(environment, { [storeId]: max, [otherId]: max })
    const scanned = new ScannedEngine(engine)
    const trimmer = new ChangeTrimmer(scanned, new SteadyClock(environment), {
      ...small,
      rememberedMax: 2 * max,
    })
    let pages = 0
    scanned.afterScan = async () => {
      pages += 1
    }
    const pagesOfTrims: number[] = []
    for (const id of [storeId, otherId, otherId, storeId, storeId]) {
      for (let made = 0; made < enough; made += 1) trimmer.note(id, await changeOf(engine, id))
      pages = 0
      await trimmer.sweep()
      pagesOfTrims.push(pages)
    }
    expect(pagesOfTrims.map((count) => count > max / limits.sweepPageItems)).toEqual([
      true,
      true, // the other log, which makes the server forget the first
      false,
      true,
      false,
    ])
    expect(await changesIn(engine)).toBe(ids.length * max)
  })

  it('counts a clear as well', async () => {
    const max = limits.changesKeptPerStoreMax
    const enough = limits.changesBetweenTrims
    const domain = await openTestDomain(new MemoryEngine())
    const store = await domain.stores.create({ ownerId: owner, name: 'busy' })
    const write = async (): Promise<void> => {
      for (let made = 0; made < enough; made += 1) await store.put(textRecord('key', 'value'))
    }
    for (let made = 0; made < max; made += 1) {
      const at = domain.environment.now()
      await domain.engine.commit({
        puts: [changePut(store.id, { kind: 'put', key: 'a', size: 1, at })],
      })
    }
    await write()
    await domain.sweeper.sweep()
    await store.clear()
    await write()
    await domain.sweeper.sweep()
    expect(await changesIn(domain.engine)).toBe(max)
  })
})

describe('a change log that two servers sweep', () => {
  it('keeps its newest changes, whichever server made them', async () => {
    const { environment, engine, change } = await busyStore(small.keptMax)
    const trimmer = new ChangeTrimmer(new SharedEngine(engine), new SteadyClock(environment), small)
    for (let sweep = 0; sweep < 2; sweep += 1) {
      for (let made = 0; made < small.betweenTrims; made += 1) {
        await change() // by the other server
        trimmer.note(storeId, await change())
      }
      await trimmer.sweep()
      expect(await changesIn(engine)).toBe(small.keptMax)
    }
  })

  it('does not lose the same excess twice', async () => {
    const environment = new TestEnvironment()
    const excess = 1_234
    const count = small.keptMax + excess
    const engine = await engineWith(environment, { [storeId]: count })
    const shared = new SharedEngine(engine)
    const slow = new ScannedEngine(shared)
    const [one, two] = [
      new ChangeTrimmer(shared, new SteadyClock(environment), small),
      new ChangeTrimmer(slow, new SteadyClock(environment), small),
    ]
    for (const trimmer of [one, two]) noteEnough(trimmer)
    slow.afterScan = async ({ more }) => {
      if (more) return
      slow.afterScan = undefined // the server has counted
      await one.sweep()
    }
    await two.sweep()
    expect(slow.afterScan).toBeUndefined()
    expect(await changesIn(engine)).toBe(small.keptMax)
  })

  it('keeps the mark of the server that trimmed farthest', async () => {
    const environment = new TestEnvironment()
    const old = limits.sweepBatchKeysMax + 100
    const engine = await engineWith(environment, { [storeId]: old })
    const last = (await entriesOf(engine, 'change')).at(-1)?.revision ?? 0
    environment.advance(8 * day)
    const at = environment.now()
    await engine.commit({ puts: [changePut(storeId, { kind: 'put', key: 'a', size: 1, at })] })
    const shared = new SharedEngine(engine)
    const slow = new ScannedEngine(shared)
    slow.afterScan = async ({ entries }) => {
      if (entries.length === 1) return
      slow.afterScan = undefined // the server knows what it will remove
      await new ChangeTrimmer(shared, new SteadyClock(environment), small).sweep()
    }
    await new ChangeTrimmer(slow, new SteadyClock(environment), small).sweep()
    expect(slow.afterScan).toBeUndefined()
    expect(await changesIn(engine)).toBe(1)
    const [mark] = await entriesOf(engine, 'changesTrimmed')
    expect(Buffer.from(mark?.value ?? [])).toEqual(encodeNumber(last))
  })
})

/** Pretends that a store changed often enough for its log to be counted. */
function noteEnough(trimmer: ChangeTrimmer): void {
  for (let made = 1; made <= limits.changesBetweenTrims; made += 1) trimmer.note(storeId, made)
}

/** A store with this many changes, and a function that makes one more and returns its revision. */
async function busyStore(count: number): Promise<{
  environment: TestEnvironment
  engine: StorageEngine
  change(): Promise<Revision>
}> {
  const environment = new TestEnvironment()
  const engine = await engineWith(environment, { [storeId]: count })
  return { environment, engine, change: () => changeOf(engine, storeId) }
}

async function changeOf(engine: StorageEngine, id: string): Promise<Revision> {
  const at = new TestEnvironment().now()
  const commit = await engine.commit({
    puts: [changePut(id, { kind: 'put', key: 'a', size: 1, at })],
  })
  if (!commit.applied) throw new Error('A commit without checks is applied.')
  return commit.revision
}

/** Runs a function between the scan and the return of its result. */
class ScannedEngine extends HurtEngine {
  afterScan: ((page: Page) => Promise<void>) | undefined

  override async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    const page = await super.scan(range, bound)
    await this.afterScan?.(page)
    return page
  }
}
