import { expect, it } from 'vitest'
import {
  type AtomicWrite,
  type Commit,
  EngineError,
  type Revision,
  type StorageEngine,
} from '../../core/engine/engine.ts'

/** The engine of a suite. */
export interface Used {
  engine(): StorageEngine
  /** A key that no other test uses. */
  key(text: string): Buffer
}

export function describeReads({ engine, key }: Used): void {
  it('returns entries in the order of the keys, undefined for a missing one', async () => {
    await put(engine(), [key('a'), 'one'], [key('b'), 'two'])
    const entries = await engine().get([key('b'), key('none'), key('a')])
    expect(entries.map((entry) => entry && text(entry.value))).toEqual(['two', undefined, 'one'])
  })

  it('returns bytes that belong to the caller', async () => {
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

  it('scans in the order of bytes, with start and without end', async () => {
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

  it('bounds a page by entries and by bytes, returns at least one, and says whether there is more', async () => {
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

export function describeCommits({ engine, key }: Used): void {
  it('returns a revision that its entries get, higher with each commit', async () => {
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

  it('deletes keys, also missing ones', async () => {
    await put(engine(), [key('a'), '1'])
    const commit = await engine().commit({ deletes: [key('a'), key('none')] })
    expect(commit.applied).toBe(true)
    expect(await engine().get([key('a')])).toEqual([undefined])
  })

  it('refuses writes over its limits, and accepts writes at the limits', async () => {
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
    const many = Array.from({ length: 20 }, (_, index) => key(String.fromCharCode(98 + index)))
    for (const again of [key('b'), key('i'), key('u')]) {
      await expectRefused(engine().commit({ puts: [one], deletes: [...many, again] }))
    }
    expect(await engine().get([key('a')])).toEqual([undefined])
    for (const deletes of [many, many.toReversed()]) {
      await engine().commit({ puts: [one], deletes })
    }
  })
}

export function describeSums({ engine, key }: Used): void {
  it('adds to counters, which begin at 0 and read as 8 bytes', async () => {
    await engine().commit({ sums: [{ key: key('n'), delta: 5n }] })
    await engine().commit({ sums: [{ key: key('n'), delta: -7n }] })
    const [entry] = await engine().get([key('n')])
    expect(Buffer.from(entry?.value ?? []).readBigInt64BE()).toBe(-2n)
  })

  it('refuses a sum that overflows or meets a value, and applies nothing of that commit', async () => {
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

  it('counts each of many sums that run at once', async () => {
    const sums = [{ key: key('n'), delta: 1n }]
    await Promise.all(Array.from({ length: 200 }, () => engine().commit({ sums })))
    const [entry] = await engine().get([key('n')])
    expect(Buffer.from(entry?.value ?? []).readBigInt64BE()).toBe(200n)
  })
}

/** Returns the revision. */
export async function put(
  engine: StorageEngine,
  ...entries: readonly (readonly [Buffer, string])[]
): Promise<Revision> {
  const puts = entries.map(([key, value]) => ({ key, value: Buffer.from(value) }))
  const commit = await engine.commit({ puts })
  if (!commit.applied) throw new Error('A commit without checks applies.')
  return commit.revision
}

export async function expectRefused(commit: Promise<Commit>): Promise<void> {
  await expect(commit).rejects.toBeInstanceOf(EngineError)
  await expect(commit).rejects.toMatchObject({ failure: 'refused', applied: 'no' })
}

/** All keys that begin with `prefix`. */
export function within(prefix: Buffer): { start: Buffer; end: Buffer } {
  return { start: prefix, end: Buffer.concat([prefix, Buffer.alloc(8, 0xff)]) }
}

export function text(bytes: Uint8Array | undefined): string {
  return bytes ? Buffer.from(bytes).toString() : ''
}
