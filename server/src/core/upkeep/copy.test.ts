import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import {
  activityKey,
  everyKey,
  formatKey,
  instanceKey,
  kindRange,
  leaseKey,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import {
  EngineError,
  type Entry,
  type KeyRange,
  type Page,
  type Revision,
  type ScanBound,
} from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { owner } from '../testing/callers.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord, readBytes, readText, textRecord } from '../testing/records.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { check } from './check.ts'
import { type CopyOptions, type CopyProgress, type CopyTarget, copy } from './copy.ts'
import { CopyError, type CopyFailure } from './copy-error.ts'

const large = patternBytes(3_000_000)

/** Reads pages of three entries, so that a small copy has many pages. */
class Source extends HurtEngine {
  override scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    return super.scan(range, { ...bound, limit: Math.min(bound.limit, 3) })
  }
}

/** Counts restores, and fails on request. */
class Target extends HurtEngine implements CopyTarget {
  restores = 0
  /** The restore with this number fails, before or after it is done. */
  fails: { at: number; done: boolean } | undefined
  /** Changes an entry on its way. */
  garble: ((entry: Entry) => Entry) | undefined
  readonly #engine: MemoryEngine

  constructor(engine: MemoryEngine) {
    super(engine)
    this.#engine = engine
  }

  async restore(entries: readonly Entry[], newest: Revision): Promise<void> {
    this.restores += 1
    const fails = this.fails?.at === this.restores ? this.fails : undefined
    const kept = this.garble ? entries.map(this.garble) : entries
    if (!fails || fails.done) await this.#engine.restore(kept, newest)
    if (fails) throw new EngineError('unavailable', 'Cut off.', { applied: 'unknown' })
  }
}

let engine: MemoryEngine
let source: Source
let target: Target

beforeEach(async () => {
  engine = new MemoryEngine()
  source = new Source(engine)
  target = new Target(new MemoryEngine())
  await fill(engine)
})

describe('a copy', () => {
  it('has every entry unchanged: its bytes, its revision, and whether it is a counter', async () => {
    const report = await copy(source, target)
    const entries = await allOf(engine)
    expect(await allOf(target)).toEqual(entries)
    const bytes = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
    const format = entries.find(({ key }) => formatKey.equals(key))
    expect(report).toEqual({
      entries: entries.length - 1,
      bytes: bytes - 1 - (format?.value.length ?? 0),
      newest: await newestOf(engine),
      skipped: 0,
    })
  })

  it('serves the data of its source, and continues its revisions', async () => {
    const newest = await newestOf(engine)
    await copy(source, target)
    expect(await check(target)).toMatchObject({ problemCount: 0, stores: 2, records: 6 })
    const { stores } = await openTestDomain(target)
    const store = await stores.findByName(owner, 'photos')
    expect(await readText(store, 'small')).toBe('small')
    expect(await readBytes(store, 'large')).toEqual(large)
    const before = await store.get('small')
    const condition = { kind: 'revision', anyOf: [before?.revision ?? 0] } as const
    const put = await store.put(textRecord('small', 'next'), condition)
    expect(put.revision).toBeGreaterThan(newest)
  })

  it('has the entries of servers and uploads that did not end in order', async () => {
    const keys = [instanceKey(Buffer.from('gone one')), leaseKey(Buffer.alloc(12, 5))]
    const puts = keys.map((key) => ({ key, value: Buffer.from('1') }))
    await engine.commit({ puts })
    await copy(source, target)
    expect(await target.get(keys)).toEqual(await engine.get(keys))
  })

  it('reports its progress', async () => {
    const steps: CopyProgress[] = []
    await copy(source, target, { onProgress: (step) => steps.push(step) })
    expect([...new Set(steps.map(({ phase }) => phase))]).toEqual([
      'reading',
      'copying',
      'comparing',
    ])
    for (const phase of ['copying', 'comparing']) {
      const last = steps.findLast((step) => step.phase === phase)
      expect(last?.done).toBe(last?.total)
      expect(last?.done).toBeGreaterThan(large.length)
    }
  })
})

describe('a copy that is cut off', () => {
  it.each([
    ['before', false],
    ['after', true],
  ])('continues where it stopped: %s every restore', async (_, done) => {
    await copy(source, target)
    const needed = target.restores
    expect(needed).toBeGreaterThan(8)
    for (let at = 1; at <= needed; at += 1) {
      const cut = new Target(new MemoryEngine())
      cut.fails = { at, done }
      await expect(copy(source, cut)).rejects.toThrow('Cut off.')
      const isWhole = done && at === needed
      expect(await codeOf(openTestDomain(cut))).toBe(isWhole ? 'none' : 'storage-unavailable')
      if (isWhole) continue
      expect(await codeOf(check(cut))).toBe('storage-unavailable')
      await copy(source, cut)
      expect(await allOf(cut)).toEqual(await allOf(engine))
      // Only a restore with an unknown outcome is repeated.
      expect(cut.restores).toBe(done ? needed : needed + 1)
    }
  })

  it('ends with the reason of its signal, and can be continued', async () => {
    const controller = new AbortController()
    const onProgress = ({ phase, done }: CopyProgress): void => {
      if (phase === 'copying' && done > 0) controller.abort(new Error('enough'))
    }
    const { signal } = controller
    await expect(copy(source, target, { signal, onProgress })).rejects.toThrow('enough')
    const restores = target.restores
    expect(restores).toBe(1)
    await copy(source, target)
    expect(await allOf(target)).toEqual(await allOf(engine))
  })

  it('is not continued if its source has changed, but can be restarted', async () => {
    await cutOff()
    const [some] = await Array.fromAsync(walk(target, kindRange('activity')))
    await engine.commit({ deletes: [some?.key ?? activityKey('')] })
    expect(await failureOf()).toBe('other-copy')
    await copy(source, target, { restart: true })
    expect(await allOf(target)).toEqual(await allOf(engine))
  })

  it('is not continued from other data', async () => {
    await cutOff()
    const other = new MemoryEngine()
    await fill(other, 5)
    await expect(copy(other, target)).rejects.toMatchObject({ failure: 'other-copy' })
  })

  it('is restarted completely once the restart has begun', async () => {
    await cutOff()
    const deletes = (await allOf(engine)).slice(0, 2).map(({ key }) => key)
    await engine.commit({ deletes })
    // The mark is written, and nothing is removed yet.
    target.beforeCommit = async () => {
      target.commitFailure = new EngineError('unavailable', 'Cut off again.')
    }
    await expect(copy(source, target, { restart: true })).rejects.toThrow('Cut off again.')
    expect(await codeOf(openTestDomain(target))).toBe('storage-unavailable')
    target.commitFailure = undefined
    await copy(source, target)
    expect(await allOf(target)).toEqual(await allOf(engine))
  })

  it('cannot be a source', async () => {
    await cutOff()
    expect(await codeOf(copy(target, new Target(new MemoryEngine())))).toBe('storage-unavailable')
  })

  async function cutOff(): Promise<void> {
    target.fails = { at: 4, done: false }
    await expect(copy(source, target)).rejects.toThrow('Cut off.')
  }
})

describe('a copy is refused', () => {
  it('if the source is empty', async () => {
    await expect(copy(new MemoryEngine(), target)).rejects.toMatchObject({ failure: 'no-source' })
    expect(await allOf(target)).toEqual([])
  })

  it('if the target holds other data', async () => {
    await openTestDomain(target)
    const before = await allOf(target)
    for (const restart of [false, true]) {
      expect(await failureOf({ restart })).toBe('target-occupied')
    }
    expect(await allOf(target)).toEqual(before)
  })

  it('if the target holds a single entry', async () => {
    await target.commit({ puts: [{ key: Buffer.from('zz'), value: Buffer.from('x') }] })
    expect(await failureOf({ restart: true })).toBe('target-occupied')
  })

  it('if a server starts on the target meanwhile, whose data stays', async () => {
    const begin = (): Promise<unknown> => fill(server, 7)
    const server = new MemoryEngine()
    target = new Target(server)
    source.beforeScan = begin
    expect(await failureOf()).toBe('target-occupied')
    expect(await check(server)).toMatchObject({ problemCount: 0, records: 6 })
    target = new Target(new MemoryEngine())
    target.beforeCommit = () => openTestDomain(target)
    expect(await failureOf()).toBe('target-occupied')
  })

  it('if the source is written to meanwhile', async () => {
    const write = (): Promise<unknown> =>
      engine.commit({ puts: [{ key: Buffer.from('zz'), value: Buffer.from('x') }] })
    for (const phase of ['reading', 'copying', 'comparing']) {
      target = new Target(new MemoryEngine())
      const onProgress = (step: CopyProgress): void => {
        if (step.phase === phase) void write()
      }
      expect([phase, await failureOf({ onProgress })]).toEqual([phase, 'source-moved'])
      const [format] = await target.get([formatKey])
      // Before the mark is written, the target is empty.
      if (!format) expect([phase, await allOf(target)]).toEqual(['reading', []])
      else expect(await codeOf(openTestDomain(target))).toBe('storage-unavailable')
    }
  })

  it('if an entry of the source is removed meanwhile', async () => {
    const [first] = await allOf(engine)
    const onProgress = ({ phase }: CopyProgress): void => {
      if (phase === 'copying') void engine.commit({ deletes: [first?.key ?? formatKey] })
    }
    expect(await failureOf({ onProgress })).toMatch(/source-moved|differs/)
    expect(await codeOf(openTestDomain(target))).toBe('storage-unavailable')
  })
})

describe('an entry that the target changes', () => {
  it.each<[string, (entry: Entry) => Partial<Entry>]>([
    ['its value', () => ({ value: Buffer.from('other by') })],
    ['its revision', () => ({ revision: 1 })],
    ['its key', ({ key }) => ({ key: Buffer.concat([key, Buffer.from('x')]) })],
    ['whether it is a counter', () => ({ isCounter: false })],
  ])('is found by %s, and the copy is not served', async (_, change) => {
    const [counter] = await Array.fromAsync(walk(engine, kindRange('counter')))
    target.garble = (entry) =>
      Buffer.compare(entry.key, counter?.key ?? formatKey) === 0
        ? { ...entry, ...change(entry) }
        : entry
    expect(await failureOf()).toBe('differs')
    expect(await codeOf(openTestDomain(target))).toBe('storage-unavailable')
    target.garble = undefined
    expect(await failureOf()).toBe('differs')
    await copy(source, target, { restart: true })
    expect(await allOf(target)).toEqual(await allOf(engine))
  })
})

describe('damaged entries', () => {
  let damaged: readonly Bytes[]

  beforeEach(async () => {
    const records = await Array.fromAsync(walk(engine, kindRange('record')))
    const counters = await Array.fromAsync(walk(engine, kindRange('counter')))
    const found = [records[0], counters[0]].filter((entry) => entry !== undefined)
    damaged = found.map(({ key }) => key)
    for (const key of damaged) source.damage(key)
  })

  it('are named before anything is copied', async () => {
    const refusal = copy(source, target)
    await expect(refusal).rejects.toMatchObject({ failure: 'source-damaged' })
    await expect(refusal).rejects.toThrow(
      /^2 .*counter of store \w{17}, record "\w+" of store \w{17}\)/,
    )
    expect(await allOf(target)).toEqual([])
  })

  it('are left out on request, even by a copy that was cut off', async () => {
    const entries = await allOf(engine)
    const intact = entries.filter(({ key }) => !damaged.some((one) => key.equals(one)))
    target.fails = { at: 6, done: false }
    await expect(copy(source, target, { skipDamaged: true })).rejects.toThrow('Cut off.')
    const report = await copy(source, target, { skipDamaged: true })
    expect(report).toMatchObject({ entries: intact.length - 1, skipped: 2 })
    expect(await allOf(target)).toEqual(intact)
  })
})

/** An installation with two stores, one with many changes. */
async function fill(filled: MemoryEngine, seed = 0): Promise<void> {
  const environment = new TestEnvironment(seed)
  environment.advance(seed)
  const { stores, close } = await openTestDomain(filled, { environment })
  const { store: photos } = await stores.open({ ownerId: owner, name: 'photos' })
  const unnamed = await stores.create({ ownerId: owner, name: undefined })
  for (const key of ['small', 'other', 'third', 'fourth']) {
    await photos.put(textRecord(key, 'first'))
    await photos.put(textRecord(key, key))
  }
  await photos.put(bytesRecord('large', large))
  await photos.put(textRecord('gone', 'gone'))
  await photos.delete('gone')
  await unnamed.put(textRecord('a', 'b'))
  await close()
}

async function failureOf(options: CopyOptions = {}): Promise<CopyFailure | 'none'> {
  try {
    await copy(source, target, options)
    return 'none'
  } catch (error) {
    if (error instanceof CopyError) return error.failure
    throw error
  }
}

async function allOf(held: { scan: MemoryEngine['scan'] }) {
  const { entries } = await held.scan(everyKey, { limit: 9_999, bytes: 64 * 1_048_576 })
  return entries.map(({ key, value, ...entry }) => ({
    ...entry,
    key: Buffer.from(key),
    value: Buffer.from(value).toString('latin1'),
  }))
}

function newestOf(held: MemoryEngine): Promise<Revision> {
  return held.newerThan(-1, new AbortController().signal)
}
