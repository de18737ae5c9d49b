import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Patience } from '../kernel/key-queue.ts'
import { limits } from '../kernel/limits.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf, promised } from '../testing/outcomes.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { hour, minute, second, settle } from '../testing/times.ts'

const wholeList = { prefix: '', startAfter: undefined, limit: 1_000 }
/** How long a renewal may stay unwritten. */
const delayMs = 10 * second

interface Opened {
  readonly domain: TestDomain
  readonly store: Store
}

async function openStore(options: { name?: string } = {}): Promise<Opened> {
  const domain = await openTestDomain(new MemoryEngine())
  return { domain, store: await domain.stores.create({ ownerId: owner, name: options.name }) }
}

/** Another server on the same data. */
async function nextServer({ domain, store }: Opened): Promise<Opened> {
  const { engine, environment } = domain
  const next = await openTestDomain(engine, { environment })
  return { domain: next, store: await next.stores.find(store.id) }
}

async function revisionOf({ engine }: TestDomain): Promise<number> {
  return engine.newerThan(-1, new AbortController().signal)
}

it('a use waits no longer for the write of a renewal than the engine lets callers wait', async () => {
  const over = new Error('over')
  let end = (): void => undefined
  const patience: Patience = {
    during: (work) => {
      const { promise, reject } = Promise.withResolvers<never>()
      end = () => reject(over)
      return Promise.race([work({ isOver: false, begin: () => undefined }), promise])
    },
  }
  const opened = await openStore()
  const { environment, engine: memory } = opened.domain
  const hurt = new HurtEngine(memory)
  const engine = Object.assign(hurt, { patience })
  const { stores } = await openTestDomain(engine, { environment })
  // Another server stamped the store, and its end is near: so a read writes the renewal first.
  environment.advance(limits.unnamedRetentionMs - 5 * second)
  const store = await stores.find(opened.store.id)
  const { promise: never } = Promise.withResolvers<never>()
  hurt.beforeCommit = () => never
  const reading = promised(() => store.get('key'))
  await settle()
  end()
  expect(await reading).toBeUndefined()
})

describe('the times of a store', () => {
  it('begin with its creation', async () => {
    const { domain, store } = await openStore()
    const now = domain.environment.now()
    expect(await store.info()).toMatchObject({ createdAt: now, modifiedAt: now, accessedAt: now })
  })

  const uses: readonly [string, string, (opened: Opened) => Promise<unknown>][] = [
    ['put', 'accessed modified', ({ store }) => store.put(textRecord('key', 'value'))],
    ['delete', 'accessed modified', ({ store }) => store.delete('key')],
    ['clear', 'accessed modified', ({ store }) => store.clear()],
    [
      'update',
      'accessed modified',
      ({ domain, store }) => domain.stores.update(store.id, { title: 'Title' }),
    ],
    ['get', 'accessed', async ({ store }) => store.get('key')],
    ['list', 'accessed', ({ store }) => store.list(wholeList)],
    ['head', '', ({ store }) => store.head('key')],
    ['info', '', ({ store }) => store.info()],
  ]

  it.each(uses)('move with %s: %s', async (_, moved, use) => {
    const opened = await openStore({ name: 'coats' })
    opened.domain.environment.advance(hour)
    await use(opened)
    const { createdAt, modifiedAt, accessedAt } = await opened.store.info()
    const changed = [
      ...(accessedAt === createdAt + hour ? ['accessed'] : []),
      ...(modifiedAt === createdAt + hour ? ['modified'] : []),
    ]
    expect(changed.join(' ')).toBe(moved)
  })

  it('are exact after a close and a restart', async () => {
    const opened = await openStore({ name: 'coats' })
    opened.domain.environment.advance(second)
    await opened.store.put(textRecord('key', 'value'))
    opened.domain.environment.advance(second)
    await opened.store.get('key')
    const before = await opened.store.info()
    await opened.domain.close()
    expect(await (await nextServer(opened)).store.info()).toEqual(before)
  })

  it('are behind by at most the delay of a renewal after an unclean stop', async () => {
    const opened = await openStore({ name: 'coats' })
    for (let passed = 0; passed < 5 * minute; passed += 3 * second) {
      opened.domain.environment.advance(3 * second)
      await opened.store.get('key')
      await settle()
    }
    const { accessedAt } = await (await nextServer(opened)).store.info()
    const { environment } = opened.domain
    expect(accessedAt).toBeGreaterThan(environment.now() - delayMs)
  })
})

describe('the counters of a store', () => {
  async function counts({ store }: Opened): Promise<number[]> {
    const { readCount, writeCount, deleteCount, listCount } = await store.info()
    return [readCount, writeCount, deleteCount, listCount]
  }

  /** 3 reads, 2 writes, 1 delete and 4 lists, while time goes by. */
  async function use({ domain, store }: Opened): Promise<void> {
    for (const key of ['a', 'b']) await store.put(textRecord(key, 'value'))
    domain.environment.advance(4 * second)
    for (const key of ['a', 'b', 'none']) await store.get(key)
    domain.environment.advance(7 * second)
    for (let turn = 0; turn < 4; turn += 1) await store.list(wholeList)
    await store.delete('a')
    await settle()
  }

  it('are 0 at first, and each use is counted once', async () => {
    const opened = await openStore()
    expect(await counts(opened)).toEqual([0, 0, 0, 0])
    await use(opened)
    expect(await counts(opened)).toEqual([3, 2, 1, 4])
  })

  it('are exact after sweeps, closes and restarts', async () => {
    let opened = await openStore()
    for (let round = 1; round <= 4; round += 1) {
      await use(opened)
      if (round % 2) await opened.domain.sweeper.sweep()
      await use(opened)
      await opened.domain.close()
      opened = await nextServer(opened)
      expect(await counts(opened)).toEqual([6, 4, 2, 8].map((count) => count * round))
    }
  })

  it.each<[string, (opened: Opened) => Promise<unknown>]>([
    ['cleared', ({ store }) => store.clear()],
    ['renamed', ({ domain, store }) => domain.stores.update(store.id, { name: 'hats' })],
    ['retitled', ({ domain, store }) => domain.stores.update(store.id, { title: 'Hats' })],
  ])('are exact when the store is %s', async (_, change) => {
    const opened = await openStore()
    await use(opened)
    await opened.store.get('b')
    await change(opened)
    await opened.store.get('b')
    expect(await counts(opened)).toEqual([5, 2, 1, 4])
    await opened.domain.close()
    expect(await counts(await nextServer(opened))).toEqual([5, 2, 1, 4])
  })

  it('count the uses on two servers', async () => {
    const one = await openStore()
    const two = await nextServer(one)
    for (let turn = 0; turn < 5; turn += 1) await Promise.all([use(one), use(two)])
    await Promise.all([one.domain.close(), two.domain.close()])
    expect(await counts(await nextServer(one))).toEqual([30, 20, 10, 40])
  })

  it('do not count a put whose condition failed', async () => {
    const opened = await openStore()
    await opened.store.put(textRecord('key', 'value'), { kind: 'absent' })
    await codeOf(opened.store.put(textRecord('key', 'value'), { kind: 'absent' }))
    expect(await counts(opened)).toEqual([0, 1, 0, 0])
  })
})

describe('a busy store', () => {
  it('has its activity written once in ten seconds, however often it is read', async () => {
    const { domain, store } = await openStore()
    const before = await revisionOf(domain)
    for (let turn = 0; turn < 300; turn += 1) {
      await store.get('key')
      await settle()
      domain.environment.advance(second / 10)
    }
    expect((await revisionOf(domain)) - before).toBeLessThanOrEqual(3)
  })

  it('that was just created does not have its activity written by its first uses', async () => {
    const { domain, store } = await openStore()
    const before = await revisionOf(domain)
    await store.put(textRecord('key', 'value'))
    await store.list(wholeList)
    await settle()
    expect((await revisionOf(domain)) - before).toBe(1)
  })

  it('does not have its activity written by sweeps without new uses', async () => {
    const { domain, store } = await openStore()
    await store.get('key')
    await domain.sweeper.sweep()
    const before = await entriesOf(domain.engine, 'activity')
    for (let turn = 0; turn < 10; turn += 1) {
      domain.environment.advance(minute)
      await domain.sweeper.sweep()
    }
    expect(await entriesOf(domain.engine, 'activity')).toEqual(before)
  })
})
