import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AtomicWrite, Commit, Revision, StorageEngine } from '../core/engine.ts'
import { EngineError } from '../core/engine.ts'
import { runModel } from './conformance-model.ts'
import { allFaults, delaysOnly, FaultyEngine } from './faulty.ts'

export interface EngineUnderTest {
  readonly engine: StorageEngine
  /** Closes the engine and opens what it had stored; undefined: it keeps nothing. */
  readonly reopen?: () => Promise<StorageEngine>
  /** Removes what the engine left behind. */
  cleanUp(): Promise<void>
}

/** How many random sequences are compared with the model. */
const modelRuns = 2_000

/** The engine contract as tests: on the engine as it is, and through seeded delays and failures. */
export function describeEngine(name: string, open: () => Promise<EngineUnderTest>): void {
  describe(`${name}: the engine contract`, () => describeContract(open))
  describe(`${name}, slowed down: the engine contract`, () => {
    describeContract(async () => {
      const under = await open()
      const engine = new FaultyEngine(under.engine, { faults: delaysOnly, seed: 1 })
      return { engine, cleanUp: () => under.cleanUp() }
    })
  })
  describe(`${name}, failing: the engine contract`, () => {
    describeModel(async () => {
      const under = await open()
      const engine = new FaultyEngine(under.engine, { faults: allFaults, seed: 2 })
      return { engine, cleanUp: () => under.cleanUp() }
    })
  })
}

function describeContract(open: () => Promise<EngineUnderTest>): void {
  const used = useEngine(open)
  describeReads(used)
  describeCommits(used)
  describeSums(used)
  describeOrder(used)
  describeEnds(open)
  describeModel(open)
}

interface Used {
  engine(): StorageEngine
  /** Keys of one test, apart from those of all others. */
  key(text: string): Buffer
}

function useEngine(open: () => Promise<EngineUnderTest>): Used {
  let under: EngineUnderTest | undefined
  let tests = 0
  beforeAll(async () => {
    under = await open()
  })
  afterAll(async () => {
    await under?.engine.close()
    await under?.cleanUp()
  })
  return {
    engine: () => {
      if (!under) throw new Error('The engine is open only inside tests.')
      return under.engine
    },
    key: (text) => {
      const test = expect.getState().currentTestName ?? String(tests++)
      return Buffer.from(`${test}/${text}`)
    },
  }
}

function describeReads({ engine, key }: Used): void {
  it('answers keys in the order asked, undefined for what is not there', async () => {
    await put(engine(), [key('a'), 'one'], [key('b'), 'two'])
    const entries = await engine().get([key('b'), key('none'), key('a')])
    expect(entries.map((entry) => entry && text(entry.value))).toEqual(['two', undefined, 'one'])
  })

  it('gives bytes that belong to the caller', async () => {
    const value = Buffer.from('mine')
    await engine().commit({ puts: [{ key: key('a'), value }] })
    value.fill(0)
    const [entry] = await engine().get([key('a')])
    entry?.value.fill(0)
    const page = await engine().scan(within(key('')), { limit: 9, bytes: 9_999 })
    expect(page.entries.map(({ value: stored }) => text(stored))).toEqual(['mine'])
    page.entries[0]?.key.fill(0)
    page.entries[0]?.value.fill(0)
    expect(text((await engine().get([key('a')]))[0]?.value)).toBe('mine')
  })

  it('keeps every byte, and the empty value', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const puts = [
      { key: Buffer.concat([key(''), all]), value: all },
      { key: key('empty'), value: Buffer.alloc(0) },
    ]
    await engine().commit({ puts })
    const entries = await engine().get(puts.map((one) => one.key))
    expect(entries.map((entry) => entry && Buffer.from(entry.value))).toEqual([
      all,
      Buffer.alloc(0),
    ])
  })

  it('scans in the order of bytes, from start up to but without end', async () => {
    const endings = [[0], [0, 0], [1], [0x7f], [0x80], [0xc3, 0xa9], [0xff], [0xff, 0xff]]
    const keys = endings.map((ending) => Buffer.concat([key(''), Buffer.from(ending)]))
    await put(engine(), ...[...keys].reverse().map((one) => [one, 'x'] as const))
    const page = await engine().scan(within(key('')), { limit: 99, bytes: 9_999 })
    expect(page.entries.map((entry) => Buffer.from(entry.key))).toEqual(keys)
    const [, start, , , end] = keys
    const part = await engine().scan(
      { start: start ?? keys[0] ?? key(''), end: end ?? key('') },
      { limit: 99, bytes: 9_999 },
    )
    expect(part.entries.map((entry) => Buffer.from(entry.key))).toEqual(keys.slice(1, 4))
  })

  it('bounds a page by entries and by bytes, gives at least one, and says whether there is more', async () => {
    await put(engine(), ...['a', 'b', 'c'].map((one) => [key(one), 'x'.repeat(100)] as const))
    const range = within(key(''))
    const page = async (limit: number, bytes: number): Promise<[number, boolean]> => {
      const { entries, more } = await engine().scan(range, { limit, bytes })
      return [entries.length, more]
    }
    expect(await page(2, 99_999)).toEqual([2, true])
    expect(await page(3, 99_999)).toEqual([3, false])
    expect(await page(3, 1)).toEqual([1, true])
    expect(await page(3, 101)).toEqual([1, true])
    const empty = await engine().scan(within(key('none')), { limit: 9, bytes: 9 })
    expect(empty).toEqual({ entries: [], more: false })
  })
}

function describeCommits({ engine, key }: Used): void {
  it('answers a revision that its entries carry, higher with each commit', async () => {
    const first = await put(engine(), [key('a'), '1'], [key('b'), '1'])
    const second = await put(engine(), [key('a'), '2'])
    expect(second).toBeGreaterThan(first)
    expect(Number.isSafeInteger(second)).toBe(true)
    const entries = await engine().get([key('a'), key('b')])
    expect(entries.map((entry) => entry?.revision)).toEqual([second, first])
  })

  it('applies nothing when a check fails', async () => {
    const revision = await put(engine(), [key('a'), '1'])
    const write: AtomicWrite = {
      deletes: [key('a')],
      puts: [{ key: key('b'), value: Buffer.from('2') }],
      sums: [{ key: key('n'), delta: 1n }],
    }
    for (const check of [
      { key: key('a'), revision: revision + 1 },
      { key: key('a'), revision: undefined },
      { key: key('none'), revision },
    ]) {
      const holds = { key: key('a'), revision }
      expect(await engine().commit({ ...write, checks: [holds, check] })).toEqual({
        applied: false,
      })
    }
    const entries = await engine().get([key('a'), key('b'), key('n')])
    expect(entries.map((entry) => entry?.revision)).toEqual([revision, undefined, undefined])
  })

  it('lets checks see the state before the commit', async () => {
    const checks = [{ key: key('a'), revision: undefined }]
    const puts = [{ key: key('a'), value: Buffer.from('1') }]
    expect((await engine().commit({ checks, puts })).applied).toBe(true)
    expect((await engine().commit({ checks, puts })).applied).toBe(false)
  })

  it('appends the revision to a stamped key', async () => {
    const value = Buffer.from('x')
    const commit = await engine().commit({ puts: [{ key: key('log'), value, stamped: true }] })
    const { entries } = await engine().scan(within(key('log')), { limit: 9, bytes: 999 })
    const revision = commit.applied ? commit.revision : 0
    const stamp = Buffer.alloc(8)
    stamp.writeBigUInt64BE(BigInt(revision))
    const expected = Buffer.concat([key('log'), stamp])
    expect(entries.map((entry) => Buffer.from(entry.key))).toEqual([expected])
    expect(entries[0]?.revision).toBe(revision)
  })

  it('deletes, also what is not there', async () => {
    await put(engine(), [key('a'), '1'])
    const commit = await engine().commit({ deletes: [key('a'), key('none')] })
    expect(commit.applied).toBe(true)
    expect(await engine().get([key('a')])).toEqual([undefined])
  })

  it('refuses what is over its limits, and takes what is just below', async () => {
    const { keyBytesMax, valueBytesMax } = engine().limits
    const longest = Buffer.alloc(keyBytesMax, key('k'))
    const largest = Buffer.alloc(valueBytesMax, 1)
    expect((await engine().commit({ puts: [{ key: longest, value: largest }] })).applied).toBe(true)
    expect((await engine().get([longest]))[0]?.value.length).toBe(valueBytesMax)
    const value = Buffer.alloc(1)
    const refused: AtomicWrite[] = [
      { puts: [{ key: Buffer.concat([longest, value]), value }] },
      { puts: [{ key: longest, value, stamped: true }] },
      { puts: [{ key: key('a'), value: Buffer.alloc(valueBytesMax + 1) }] },
      { puts: [{ key: Buffer.alloc(0), value }] },
      { deletes: [Buffer.alloc(keyBytesMax + 1)] },
    ]
    for (const write of refused) await expectRefused(engine().commit(write))
    await engine().commit({ deletes: [longest] })
  })

  it('refuses a key that is written twice', async () => {
    const one = { key: key('a'), value: Buffer.from('1') }
    await expectRefused(engine().commit({ puts: [one, one] }))
    await expectRefused(engine().commit({ puts: [one], deletes: [key('a')] }))
    await expectRefused(engine().commit({ puts: [one], sums: [{ key: key('a'), delta: 1n }] }))
    expect(await engine().get([key('a')])).toEqual([undefined])
  })
}

function describeSums({ engine, key }: Used): void {
  it('adds to counters, which begin at 0 and read as 8 bytes', async () => {
    await engine().commit({ sums: [{ key: key('n'), delta: 5n }] })
    await engine().commit({ sums: [{ key: key('n'), delta: -7n }] })
    const [entry] = await engine().get([key('n')])
    expect(Buffer.from(entry?.value ?? []).readBigInt64BE()).toBe(-2n)
  })

  it('refuses a sum that overflows or that meets a value, and does nothing of that commit', async () => {
    await engine().commit({ sums: [{ key: key('n'), delta: 2n ** 63n - 1n }] })
    await put(engine(), [key('v'), 'value'])
    const puts = [{ key: key('other'), value: Buffer.from('x') }]
    await expectRefused(engine().commit({ puts, sums: [{ key: key('n'), delta: 1n }] }))
    await expectRefused(engine().commit({ puts, sums: [{ key: key('v'), delta: 1n }] }))
    expect(await engine().get([key('other')])).toEqual([undefined])
    expect(text((await engine().get([key('v')]))[0]?.value)).toBe('value')
  })

  it('lets a put replace a counter', async () => {
    await engine().commit({ sums: [{ key: key('n'), delta: 5n }] })
    await put(engine(), [key('n'), 'value'])
    expect(text((await engine().get([key('n')]))[0]?.value)).toBe('value')
  })

  it('counts every one of many sums at once', async () => {
    const sums = [{ key: key('n'), delta: 1n }]
    await Promise.all(Array.from({ length: 200 }, () => engine().commit({ sums })))
    const [entry] = await engine().get([key('n')])
    expect(Buffer.from(entry?.value ?? []).readBigInt64BE()).toBe(200n)
  })
}

function describeOrder({ engine, key }: Used): void {
  it('lets one of many win who expect a key to be absent', async () => {
    const attempts = Array.from({ length: 50 }, (_, writer) =>
      engine().commit({
        checks: [{ key: key('a'), revision: undefined }],
        puts: [{ key: key('a'), value: Buffer.from(String(writer)) }],
      }),
    )
    const commits = await Promise.all(attempts)
    expect(commits.filter(({ applied }) => applied)).toHaveLength(1)
    const winner = commits.findIndex(({ applied }) => applied)
    expect(text((await engine().get([key('a')]))[0]?.value)).toBe(String(winner))
  })

  it('loses no update of many who read, check and write', async () => {
    const increment = async (): Promise<void> => {
      for (;;) {
        const [entry] = await engine().get([key('n')])
        const value = Buffer.from(String(Number(text(entry?.value) || '0') + 1))
        const checks = [{ key: key('n'), revision: entry?.revision }]
        const commit = await engine().commit({ checks, puts: [{ key: key('n'), value }] })
        if (commit.applied) return
      }
    }
    await Promise.all(Array.from({ length: 24 }, increment))
    expect(text((await engine().get([key('n')]))[0]?.value)).toBe('24')
  })

  it('does not fail the neighbours of a commit that fails or is refused', async () => {
    const good = (name: string): Promise<Commit> =>
      engine().commit({ puts: [{ key: key(name), value: Buffer.from('x') }] })
    const failing = engine().commit({
      checks: [{ key: key('none'), revision: 1 }],
      deletes: [key('a')],
    })
    await put(engine(), [key('v'), 'value'])
    const refused = engine().commit({ sums: [{ key: key('v'), delta: 1n }] })
    const [first, failed, , second] = await Promise.all([
      good('a'),
      failing,
      expectRefused(refused),
      good('b'),
    ])
    expect([first.applied, failed.applied, second.applied]).toEqual([true, false, true])
  })

  it('never shows a commit at or below a revision that was read before', async () => {
    const seen = new Set<string>()
    let highest: Revision = 0
    let writing = true
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let index = 0; index < 20; index += 1) {
        const value = Buffer.from(`${writer}/${index}`)
        await engine().commit({ puts: [{ key: key('log'), value, stamped: true }] })
      }
    })
    const follower = async (): Promise<void> => {
      while (writing) {
        const { entries } = await engine().scan(within(key('log')), { limit: 999, bytes: 99_999 })
        const late = entries.filter((one) => one.revision <= highest && !seen.has(text(one.value)))
        expect(late).toEqual([])
        for (const entry of entries) seen.add(text(entry.value))
        highest = Math.max(highest, ...entries.map(({ revision }) => revision))
        await new Promise(setImmediate)
      }
    }
    const following = follower()
    await Promise.all(writers)
    writing = false
    await following
  })

  it('wakes whoever waits for a newer commit', async () => {
    const now = await put(engine(), [key('a'), '1'])
    const never = new AbortController().signal
    expect(await engine().newerThan(now - 1, never)).toBeGreaterThanOrEqual(now)
    const waiting = engine().newerThan(now, never)
    const next = await put(engine(), [key('a'), '2'])
    expect(await waiting).toBeGreaterThanOrEqual(next)
  })

  it('lets a wait be aborted', async () => {
    const now = await put(engine(), [key('a'), '1'])
    const abort = new AbortController()
    const waiting = engine().newerThan(now + 1_000, abort.signal)
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(engine().newerThan(now + 1_000, abort.signal)).rejects.toThrow('enough')
  })
}

function describeEnds(open: () => Promise<EngineUnderTest>): void {
  it('rejects everything after close, and lets what is in flight end', async () => {
    const { engine, cleanUp } = await open()
    const one = { key: Buffer.from('a'), value: Buffer.from('x') }
    const waiting = engine.newerThan(1_000_000, new AbortController().signal)
    waiting.catch(() => undefined)
    const inFlight = engine.commit({ puts: [one] })
    await inFlight
    await engine.close()
    const closed = { failure: 'closed' }
    await expect(engine.get([one.key])).rejects.toMatchObject(closed)
    await expect(engine.scan(within(one.key), { limit: 1, bytes: 1 })).rejects.toMatchObject(closed)
    await expect(engine.commit({ puts: [one] })).rejects.toMatchObject(closed)
    await expect(waiting).rejects.toMatchObject(closed)
    await cleanUp()
  })

  it('finds what it stored when it is opened again, and counts revisions on', async () => {
    const { engine, reopen, cleanUp } = await open()
    const revision = await put(engine, [Buffer.from('a'), 'kept'])
    if (!reopen) {
      await engine.close()
      return cleanUp()
    }
    const again = await reopen()
    expect(text((await again.get([Buffer.from('a')]))[0]?.value)).toBe('kept')
    expect(await put(again, [Buffer.from('b'), 'x'])).toBeGreaterThan(revision)
    await again.close()
    await cleanUp()
  })
}

function describeModel(open: () => Promise<EngineUnderTest>): void {
  it(`behaves like a sorted map in ${modelRuns} random sequences`, {
    timeout: 300_000,
  }, async () => {
    const { engine, cleanUp } = await open()
    await runModel(engine, modelRuns)
    await engine.close()
    await cleanUp()
  })
}

async function put(
  engine: StorageEngine,
  ...entries: readonly (readonly [Buffer, string])[]
): Promise<Revision> {
  const puts = entries.map(([key, value]) => ({ key, value: Buffer.from(value) }))
  const commit = await engine.commit({ puts })
  if (!commit.applied) throw new Error('A commit without checks applies.')
  return commit.revision
}

async function expectRefused(commit: Promise<Commit>): Promise<void> {
  await expect(commit).rejects.toBeInstanceOf(EngineError)
  await expect(commit).rejects.toMatchObject({ failure: 'refused', applied: 'no' })
}

/** All keys that begin with `prefix`. */
function within(prefix: Buffer): { start: Buffer; end: Buffer } {
  return { start: prefix, end: Buffer.concat([prefix, Buffer.alloc(8, 0xff)]) }
}

function text(bytes: Uint8Array | undefined): string {
  return bytes ? Buffer.from(bytes).toString() : ''
}
