import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { EngineError, type Revision } from '../engine/engine.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { callerWith } from '../testing/callers.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { SharedEngine } from '../testing/shared-engine.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { settle } from '../testing/times.ts'
import { eventsOf, everything, next, openStore, put } from '../testing/watching.ts'
import type { WatchEvent } from './watch-event.ts'
import type { Watcher } from './watcher.ts'

/** The number of reads of each kind since the last call. */
class CountedEngine extends HurtEngine {
  scans = 0
  gets = 0

  override get(...args: Parameters<HurtEngine['get']>): ReturnType<HurtEngine['get']> {
    this.gets += 1
    return super.get(...args)
  }

  override scan(...args: Parameters<HurtEngine['scan']>): ReturnType<HurtEngine['scan']> {
    this.scans += 1
    return super.scan(...args)
  }
}

describe('the feed of a store', () => {
  it('reads once for all watchers', async () => {
    const engine = new CountedEngine(new MemoryEngine())
    const { store } = await openStore(engine)
    const open = (): Promise<Watcher> => store.watch({ ...everything, keys: new Set(['a']) })
    const watchers = await Promise.all(Array.from({ length: 1_000 }, open))
    const waiting = watchers.map((watcher) => next(watcher))
    await settle()
    engine.scans = 0
    engine.gets = 0
    await put(store, 'a', '1')
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['put a 1']))
    await settle()
    expect(engine.scans).toBe(1)
    expect(engine.gets).toBeLessThanOrEqual(2) // one of them is the put's own
  })

  it('costs nothing once nobody watches', async () => {
    const engine = new CountedEngine(new MemoryEngine())
    const { store } = await openStore(engine)
    const watcher = await store.watch(everything)
    await put(store, 'a', '1')
    await next(watcher)
    watcher[Symbol.dispose]()
    await settle()
    engine.scans = 0
    await put(store, 'a', '2')
    await settle()
    expect(engine.scans).toBe(0)
  })

  it('tells of a key that is written all the time, and never gives it the value of another revision', async () => {
    const { store } = await openStore(
      new FaultyEngine(new MemoryEngine(), {
        faults: delaysOnly,
        seed: 4,
        isShared: false,
      }),
    )
    const written = new Map<Revision, string>()
    let isOver = false
    const writing = (async () => {
      for (let number = 0; !isOver; number += 1) {
        written.set(await put(store, 'hot', `${number}`), `${number}`)
      }
    })()
    const watcher = await store.watch(everything)
    const seen: WatchEvent[] = []
    while (seen.length < 50) seen.push(...(await eventsOf(watcher)))
    isOver = true
    await writing
    for (const { change, value } of seen) {
      if (value) expect(value.json).toBe(written.get(change.revision))
    }
  })

  it('goes on after failures of the engine, without loss', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { store } = await openStore(engine)
    const watcher = await store.watch(everything)
    const waiting = next(watcher)
    await settle()
    engine.beforeCommit = async () => {
      engine.readFailure = new EngineError('unavailable', 'Injected.')
    }
    await put(store, 'a', '1')
    await settle()
    engine.readFailure = undefined
    expect(await waiting).toBe('put a 1')
  })

  it('hears of the changes of other servers', async () => {
    const engine = new MemoryEngine()
    const { store } = await openStore(new SharedEngine(engine))
    const other = await openTestDomain(new SharedEngine(engine))
    const watcher = await store.watch(everything)
    const waiting = next(watcher)
    await put(await other.stores.find(store.id), 'a', '1')
    expect(await waiting).toBe('put a 1')
    await other.stores.drop(store.id)
    expect(await next(watcher)).toBe('drop')
  })
})

describe('the right to watch', () => {
  it('ends with the reason', async () => {
    const { domain, store } = await openStore(new MemoryEngine())
    let isAllowed = true
    const caller = callerWith(() => {
      if (!isAllowed) throw new StorageError('access-denied', 'No longer.')
    })
    const watcher = await (await domain.stores.find(store.id, caller)).watch(everything)
    const waiting = watcher.next()
    isAllowed = false
    await domain.liveUses.recheck()
    expect(await codeOf(waiting)).toBe('access-denied')
    expect(await watcher.next()).toBeUndefined()
  })

  it('ends with the drop of the store, even if that is noticed first', async () => {
    const engine = new MemoryEngine()
    const { domain, store } = await openStore(engine)
    const watcher = await store.watch(everything)
    const other = await openTestDomain(engine)
    await other.stores.drop(store.id)
    await domain.liveUses.recheck()
    expect([await next(watcher), await next(watcher)]).toEqual(['drop', 'over'])
  })

  it('is checked once for all watchers with the same rights', async () => {
    const engine = new CountedEngine(new MemoryEngine())
    const { domain, store } = await openStore(engine)
    const caller = { ...callerWith(() => undefined), rightsKey: () => 'same' }
    const own = await domain.stores.find(store.id, caller)
    await Promise.all(Array.from({ length: 100 }, () => own.watch(everything)))
    await settle()
    engine.gets = 0
    await domain.liveUses.recheck()
    expect(engine.gets).toBe(1)
  })
})

describe('the number of watchers', () => {
  it('is limited for each owner, and free again at their end', async () => {
    const { store } = await openStore(new MemoryEngine())
    const open = (): Promise<Watcher> => store.watch(everything)
    const watchers = await Promise.all(Array.from({ length: limits.watchersOwnerMax }, open))
    expect(await codeOf(open())).toBe('too-many')
    expect(await codeOf(store.watch({ ...everything, owner: 'another' }))).toBe('none')
    watchers[0]?.[Symbol.dispose]()
    watchers[0]?.[Symbol.dispose]()
    expect(await codeOf(open())).toBe('none')
    expect(await codeOf(open())).toBe('too-many')
  })
})
