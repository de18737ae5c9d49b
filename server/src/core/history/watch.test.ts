import { describe, expect, it } from 'vitest'
import { FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { changesTrimmedKey } from '../disk/keyspace.ts'
import { limits } from '../kernel/limits.ts'
import { callerWith, owner } from '../testing/callers.ts'
import { codeOf } from '../testing/outcomes.ts'
import { sweepFor } from '../testing/test-domain.ts'
import { settle } from '../testing/times.ts'
import { eventsOf, everything, next, openStore, put, told } from '../testing/watching.ts'
import type { WatchEvent } from './watch-event.ts'
import type { WatchBatch, Watcher } from './watcher.ts'

describe('a watcher', () => {
  it('gets each change with its value, in order', async () => {
    const { store } = await openStore(new MemoryEngine())
    const watcher = await store.watch(everything)
    const first = await put(store, 'a', '1')
    expect(await watcher.next()).toMatchObject({
      events: [{ change: { key: 'a', revision: first }, value: { json: '1' } }],
      resume: first,
    })
    await store.delete('a')
    expect(await next(watcher)).toBe('delete a')
    await put(store, 'b', '2')
    expect(await next(watcher)).toBe('put b 2')
  })

  it('waits for the next change', async () => {
    const { store } = await openStore(new MemoryEngine())
    const watcher = await store.watch(everything)
    const waiting = next(watcher)
    await settle()
    await put(store, 'a', '1')
    expect(await waiting).toBe('put a 1')
  })

  it('begins now, and not with what was there', async () => {
    const { store } = await openStore(new MemoryEngine())
    const before = await put(store, 'a', '1')
    const watcher = await store.watch(everything)
    expect(watcher.resume).toBeGreaterThanOrEqual(before)
    await put(store, 'b', '2')
    expect(await next(watcher)).toBe('put b 2')
  })

  it('begins after the revision that it names', async () => {
    const { store } = await openStore(new MemoryEngine())
    await put(store, 'a', '1')
    const after = await put(store, 'b', '2')
    await put(store, 'c', '3')
    const watcher = await store.watch({ ...everything, after })
    expect(watcher.resume).toBe(after)
    expect(await next(watcher)).toBe('put c 3')
  })

  it('that has missed nothing waits, though other stores have changed since', async () => {
    const { domain, store } = await openStore(new MemoryEngine())
    const after = await put(store, 'a', '1')
    const other = await domain.stores.create({ ownerId: owner, name: 'hats' })
    await put(other, 'b', '2')
    const watcher = await store.watch({ ...everything, after })
    expect(await watcher.poll()).toBeUndefined()
    let hasWoken = false
    const waiting = watcher.wait().then(() => {
      hasWoken = true
    })
    await settle()
    expect(hasWoken).toBe(false)
    await put(store, 'c', '3')
    await waiting
    expect(await next(watcher)).toBe('put c 3')
  })

  it('that is slow gets the latest change of each key', async () => {
    const { store } = await openStore(new MemoryEngine())
    const watcher = await store.watch(everything)
    for (const text of ['1', '2', '3']) {
      await put(store, 'a', text)
      await put(store, 'b', text)
      await settle()
    }
    await store.delete('a')
    await settle()
    expect(await next(watcher)).toBe('put b 3, delete a')
  })

  it('gets a clear instead of all changes before it', async () => {
    const { store } = await openStore(new MemoryEngine())
    const watcher = await store.watch(everything)
    await put(store, 'a', '1')
    await store.clear()
    await put(store, 'b', '2')
    await settle()
    expect(await next(watcher)).toBe('clear, put b 2')
  })

  it('gets the whole of a replacement', async () => {
    const { store } = await openStore(new MemoryEngine())
    await put(store, 'old', '0')
    const watcher = await store.watch(everything)
    const records = ['x', 'y'].map((key) => {
      const bytes = Buffer.from(`"${key}"`)
      return { key, contentType: 'application/json', bytes, jsonState: 'sound' as const }
    })
    await store.replaceAll(records)
    expect(await next(watcher)).toBe('clear, put x "x", put y "y"')
  })

  it('ends after the store was dropped', async () => {
    const { domain, store } = await openStore(new MemoryEngine())
    const watcher = await store.watch(everything)
    await put(store, 'a', '1')
    await domain.stores.drop(store.id)
    await settle()
    expect([await next(watcher), await next(watcher)]).toEqual(['drop', 'over'])
  })

  it('ends after the store has expired', async () => {
    const { domain } = await openStore(new MemoryEngine())
    const retention = {
      ttlMs: 5_000,
      renewOnRead: false,
      renewOnWrite: false,
      onExpiry: 'drop',
    } as const
    const store = await domain.stores.create({ ownerId: owner, name: undefined, retention })
    const watcher = await store.watch(everything)
    await sweepFor(domain, 60_000)
    expect([await next(watcher), await next(watcher)]).toEqual(['expire', 'over'])
  })

  it('sees only its prefix or its keys', async () => {
    const { store } = await openStore(new MemoryEngine())
    const byPrefix = await store.watch({ ...everything, prefix: 'a/' })
    const byKeys = await store.watch({ ...everything, keys: new Set(['b', 'c']) })
    for (const key of ['a', 'a/1', 'b', 'd']) await put(store, key, '0')
    await settle()
    expect(await next(byPrefix)).toBe('put a/1 0')
    expect(await next(byKeys)).toBe('put b 0')
  })

  it('that sees none of the changes goes on behind them all the same', async () => {
    const { store } = await openStore(new MemoryEngine())
    const watcher = await store.watch({ ...everything, prefix: 'mine' })
    const waiting = watcher.next()
    const last = await put(store, 'other', '0')
    await settle()
    expect(watcher.resume).toBe(last)
    watcher[Symbol.dispose]()
    expect(told(await waiting)).toBe('over')
  })

  it('sees only the keys of its token', async () => {
    const { domain, store } = await openStore(new MemoryEngine())
    const caller = { ...callerWith(() => undefined), keyPrefix: () => 'mine/' }
    const mine = await domain.stores.find(store.id, caller)
    const [all, own, others] = await Promise.all([
      mine.watch(everything),
      mine.watch({ ...everything, prefix: 'mine/x' }),
      mine.watch({ ...everything, prefix: 'yours/' }),
    ])
    for (const key of ['yours/1', 'mine/1', 'mine/x']) await put(store, key, '0')
    await store.clear()
    await put(store, 'mine/x', '1')
    await put(store, 'mine/2', '2')
    await settle()
    expect(await next(all)).toBe('clear, put mine/x 1, put mine/2 2')
    expect(await next(own)).toBe('clear, put mine/x 1')
    expect(await next(others)).toBe('clear')
  })

  it('gets no value that is too long or that nobody asked for', async () => {
    const { store } = await openStore(new MemoryEngine())
    const plain = await store.watch({ ...everything, withValues: false })
    await put(store, 'a', '1')
    const [event] = await eventsOf(plain)
    expect(event).toMatchObject({ change: { key: 'a' } })
    expect(event?.value).toBeUndefined()
  })

  it('sees at once a change whose outcome nobody has heard of', async () => {
    const lost = { delay: 0, conflict: 0, failBefore: 0, unknown: 0 }
    const options = { faults: lost, seed: 1, isShared: false }
    const { domain, store } = await openStore(new FaultyEngine(new MemoryEngine(), options))
    const watcher = await store.watch(everything)
    lost.unknown = 1
    let stored = 0
    for (let tries = 0; stored < 2; tries += 1) {
      expect(await codeOf(put(store, `${tries}`, 'x'))).toBe('outcome-unknown')
      if (!(await store.head(`${tries}`))) continue
      stored += 1
      expect(await next(watcher)).toBe(`put ${tries} x`)
    }
    while ((await codeOf(domain.stores.drop(store.id))) !== 'store-not-found');
    expect(await next(watcher)).toBe('drop')
  })

  it('gets reset if the log does not reach back', async () => {
    const { domain, store } = await openStore(new MemoryEngine())
    const after = await put(store, 'a', '1')
    const trimmed = await put(store, 'b', '2')
    const value = Buffer.alloc(8)
    value.writeBigUInt64BE(BigInt(trimmed))
    await domain.engine.commit({ puts: [{ key: changesTrimmedKey(store.id), value }] })
    const watcher = await store.watch({ ...everything, after })
    const batch = await watcher.next()
    expect(batch).toMatchObject({ kind: 'reset' })
    await put(store, 'c', '3')
    expect(await next(watcher)).toBe('put c 3')
  })

  it('gets reset if it has seen a revision that is still to come', async () => {
    const { store } = await openStore(new MemoryEngine())
    const newest = await put(store, 'a', '1')
    const watcher = await store.watch({ ...everything, after: newest + 1_000 })
    expect(watcher.resume).toBeUndefined()
    expect(await watcher.next()).toMatchObject({ kind: 'reset', revision: newest })
    await put(store, 'b', '2')
    expect(await next(watcher)).toBe('put b 2')
  })
})

/** Reads until nothing more comes for a while. */
async function drain(watcher: Watcher): Promise<WatchEvent[]> {
  const events: WatchEvent[] = []
  let isOver = false
  const reading = (async () => {
    while (!isOver) {
      const some = await eventsOf(watcher)
      if (some.length === 0) return
      events.push(...some)
    }
  })()
  for (let rounds = 0; rounds < 20; rounds += 1) await settle()
  isOver = true
  watcher[Symbol.dispose]()
  await reading
  return events
}

describe('a watcher behind the changes in memory', () => {
  it('reads the log until it reaches them', async () => {
    const { store } = await openStore(new MemoryEngine())
    const watcher = await store.watch(everything)
    const count = 2 * limits.watchedEventsMax
    for (let number = 0; number < count; number += 1) await put(store, `key${number}`, `${number}`)
    const events = await drain(watcher)
    expect(events.map(({ change }) => change.key)).toEqual(
      Array.from({ length: count }, (_, number) => `key${number}`),
    )
    expect(events.every(({ value }, number) => value?.json === `${number}`)).toBe(true)
  })

  it('gets a large commit in parts, and may continue only behind all of it', async () => {
    const { store } = await openStore(new MemoryEngine())
    const watcher = await store.watch(everything)
    const records = Array.from({ length: 5_000 }, (_, number) => ({
      key: `key${number}`,
      contentType: 'application/json',
      bytes: Buffer.from(`${number}`),
      jsonState: 'sound' as const,
    }))
    await store.batch.put(records)
    const last = await put(store, 'last', '0')
    const batches: WatchBatch[] = []
    for (let count = 0; count <= records.length; ) {
      const batch = await watcher.next()
      if (batch?.kind !== 'changes') break
      batches.push(batch)
      count += batch.events.length
    }
    expect(batches.length).toBeGreaterThan(10)
    const keys = batches.flatMap((batch) => (batch.kind === 'changes' ? batch.events : []))
    expect(keys.map(({ change }) => change.key)).toEqual([...records.map(({ key }) => key), 'last'])
    const resumes = batches.map((batch) => (batch.kind === 'changes' ? batch.resume : 0))
    expect(resumes.filter((resume) => resume !== undefined)).toEqual([last])
  })
})
