import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  EngineError,
  type Entry,
  type Revision,
  type StorageEngine,
} from '../../core/engine/engine.ts'
import type { InstalledEngine } from '../../core/engine/installed-engine.ts'
import { put, text, within } from './basics.ts'

interface Under {
  readonly engine: InstalledEngine
  readonly reopen?: () => Promise<InstalledEngine>
  cleanUp(): Promise<void>
}

/** Far above the revisions of the tests' own commits, and still a safe integer. */
const newest: Revision = 2 ** 40 + 7
const key = Buffer.from

/** What an engine must do when it restores entries of another. Each test has its own engine. */
export function describeRestore(open: () => Promise<Under>): void {
  let under: Under | undefined
  let engine: InstalledEngine
  beforeEach(async () => {
    under = await open()
    engine = under.engine
  })
  afterEach(async () => {
    await engine.close()
    await under?.cleanUp()
  })

  it('keeps keys, values and revisions as they are given', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const entries = [
      value('a', 3),
      { ...value('all', newest), value: bytes },
      { ...value('empty', 1), value: Buffer.alloc(0) },
      counter('n', -5n, 2 ** 33),
    ]
    await engine.restore(entries, newest)
    expect(await allOf(engine)).toEqual(entries.map(shown))
    expect((await engine.get(entries.map((one) => one.key))).map(shown)).toEqual(entries.map(shown))
  })

  it('gives the next commit a revision above all restored ones', async () => {
    await engine.restore([value('a', 3)], newest)
    expect(await put(engine, [key('b'), 'x'])).toBeGreaterThan(newest)
    await engine.commit({ puts: [{ key: key('log'), value: key('x'), stamped: true }] })
    const [stamped] = (await engine.scan(within(key('log')), { limit: 1, bytes: 9 })).entries
    expect(Buffer.from(stamped?.key ?? []).readBigUInt64BE(3)).toBe(BigInt(stamped?.revision ?? 0))
  })

  it('moves on: the next commit gets a revision above the one that it is given', async () => {
    const before = await put(engine, [key('a'), 'x'])
    let found = 0
    await engine.moveOn((revision) => {
      found = revision
      return newest
    })
    expect(found).toBe(before)
    const after = await put(engine, [key('b'), 'x'])
    expect(after).toBeGreaterThan(newest)
    await engine.moveOn((revision) => revision)
    expect(await put(engine, [key('c'), 'x'])).toBeGreaterThan(after)
    const read = await engine.get([key('a'), key('b')])
    expect(read.map((entry) => entry?.revision)).toEqual([before, after])
  })

  it('keeps that revision when it is opened again', async () => {
    if (!under?.reopen) return
    await engine.moveOn(() => newest)
    engine = await under.reopen()
    expect(await put(engine, [key('a'), 'x'])).toBeGreaterThan(newest)
  })

  it('compares checks with the restored revisions alone', async () => {
    await engine.restore([value('a', 3), counter('n', 1n, 4)], newest)
    const write = { puts: [{ key: key('b'), value: key('x') }] }
    const withChecks = (a: Revision | undefined, n: Revision): Promise<boolean> =>
      engine
        .commit({
          ...write,
          checks: [
            { key: key('a'), revision: a },
            { key: key('n'), revision: n },
          ],
        })
        .then(({ applied }) => applied)
    expect(await withChecks(newest, 4)).toBe(false)
    expect(await withChecks(undefined, 4)).toBe(false)
    expect(await withChecks(3, newest)).toBe(false)
    expect(await withChecks(3, 4)).toBe(true)
  })

  it('keeps counters counters, and values values', async () => {
    await engine.restore([counter('n', 2n ** 62n, 3), value('v', 4, 'eight by')], newest)
    await engine.commit({ sums: [{ key: key('n'), delta: -1n }] })
    const [n] = await engine.get([key('n')])
    expect(Buffer.from(n?.value ?? []).readBigInt64BE()).toBe(2n ** 62n - 1n)
    expect(n?.isCounter).toBe(true)
    const sum = engine.commit({ sums: [{ key: key('v'), delta: 1n }] })
    await expect(sum).rejects.toMatchObject({ failure: 'refused' })
  })

  it('overwrites existing entries of any kind, and leaves the rest', async () => {
    await put(engine, [key('a'), 'old'], [key('was value'), 'old'], [key('rest'), 'rest'])
    await engine.commit({ sums: [{ key: key('was counter'), delta: 5n }] })
    const rest = (await engine.get([key('rest')])).map(shown)
    const entries = [value('a', 7), value('was counter', 8), counter('was value', 9n, 9)]
    await engine.restore(entries, newest)
    const [a, ...others] = entries.map(shown)
    expect(await allOf(engine)).toEqual([a, ...rest, ...others])
    await engine.commit({ sums: [{ key: key('was value'), delta: 1n }] })
    expect(Buffer.from((await engine.get([key('was value')]))[0]?.value ?? [])).toEqual(
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 10]),
    )
  })

  it('never counts revisions back', async () => {
    await engine.restore([value('a', newest)], newest)
    await engine.restore([value('b', 2)], 3)
    expect(await put(engine, [key('c'), 'x'])).toBeGreaterThan(newest)
  })

  it('wakes whoever waits for a newer commit', async () => {
    const never = new AbortController().signal
    const now = await put(engine, [key('a'), '1'])
    const waiting = engine.newerThan(now, never)
    await engine.restore([value('b', now)], newest)
    expect(await waiting).toBeGreaterThanOrEqual(newest)
    expect(await engine.newerThan(-1, never)).toBeGreaterThanOrEqual(newest)
  })

  it('may restore the newest revision without entries', async () => {
    await engine.restore([], newest)
    expect(await allOf(engine)).toEqual([])
    expect(await put(engine, [key('a'), 'x'])).toBeGreaterThan(newest)
  })

  it('refuses invalid entries, and then restores nothing at all', async () => {
    const { keyBytesMax, valueBytesMax, commitBytesMax } = engine.limits
    const large = Array.from({ length: Math.ceil(commitBytesMax / valueBytesMax) }, (_, index) => ({
      ...value(`large ${index}`, 1),
      value: Buffer.alloc(valueBytesMax),
    }))
    const refused: readonly (readonly Entry[])[] = [
      [{ ...value('', 1) }],
      [{ ...value('a', 1), key: Buffer.alloc(keyBytesMax + 1, 1) }],
      [{ ...value('a', 1), value: Buffer.alloc(valueBytesMax + 1) }],
      large,
      [value('a', 1), value('a', 2)],
      [value('a', newest + 1)],
      [value('a', 0)],
      [value('a', 1.5)],
      [{ ...counter('n', 1n, 1), value: Buffer.alloc(7) }],
      [{ ...value('a', 1), value: Buffer.alloc(0), isDamaged: true }],
    ]
    for (const entries of refused) {
      await expectRefused(engine.restore([value('good', 1), ...entries], newest))
    }
    for (const revision of [0, -1, 1.5, 2 ** 53]) {
      await expectRefused(engine.restore([], revision))
    }
    expect(await allOf(engine)).toEqual([])
    expect(await put(engine, [key('a'), 'x'])).toBeLessThan(newest)
  })

  it('accepts as much at once as a commit', async () => {
    const { keyBytesMax, valueBytesMax } = engine.limits
    const longest = { ...value('', 1), key: Buffer.alloc(keyBytesMax, 'k') }
    const entries = [{ ...longest, value: Buffer.alloc(valueBytesMax, 7) }]
    const many = Array.from({ length: 4_000 }, (_, index) =>
      value(`many/${String(index).padStart(4, '0')}`, index + 1),
    )
    await engine.restore([...entries, ...many], newest)
    expect(await allOf(engine)).toEqual([...entries, ...many].map(shown))
  })

  it('is kept when the engine is opened again', async () => {
    const entries = [value('a', 3), counter('n', 5n, 4)]
    await engine.restore(entries, newest)
    if (!under?.reopen) return
    engine = await under.reopen()
    expect(await allOf(engine)).toEqual(entries.map(shown))
    expect(await put(engine, [key('b'), 'x'])).toBeGreaterThan(newest)
  })

  it('is refused after close', async () => {
    await engine.close()
    const restoring = engine.restore([value('a', 1)], newest)
    await expect(restoring).rejects.toMatchObject({ failure: 'closed' })
  })
}

function value(name: string, revision: Revision, content = `value of ${name}`): Entry {
  return { key: key(name), value: Buffer.from(content), revision, isCounter: false }
}

function counter(name: string, total: bigint, revision: Revision): Entry {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(total)
  return { key: key(name), value: bytes, revision, isCounter: true }
}

async function expectRefused(restoring: Promise<void>): Promise<void> {
  await expect(restoring).rejects.toBeInstanceOf(EngineError)
  await expect(restoring).rejects.toMatchObject({ failure: 'refused', applied: 'no' })
}

async function allOf(engine: StorageEngine): Promise<unknown[]> {
  const range = { start: Buffer.from([0]), end: Buffer.from([0xff]) }
  const { entries } = await engine.scan(range, { limit: 9_999, bytes: 64 * 1_048_576 })
  return entries.map(shown)
}

function shown(entry: Entry | undefined): unknown {
  if (!entry) return undefined
  const { key: name, value: bytes, revision, isCounter = false } = entry
  return { key: text(name), value: Buffer.from(bytes).toString('latin1'), revision, isCounter }
}
