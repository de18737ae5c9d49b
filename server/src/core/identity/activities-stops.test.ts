import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { activityKey } from '../disk/keyspace.ts'
import { type AtomicWrite, type Commit, EngineError, type StorageEngine } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { textRecord } from '../testing/records.ts'
import { findAndUse, openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import type { TestEnvironment } from '../testing/test-environment.ts'
import { day, hour, minute, second, settle } from '../testing/times.ts'
import type { OwnRetention, Retention } from './retention.ts'

const wholeList = { prefix: '', startAfter: undefined, limit: 1_000 }
const lasting: Retention = {
  ttlMs: hour,
  renewOnRead: true,
  renewOnWrite: true,
  onExpiry: 'drop',
}
/** How long a renewal of such a store may stay unwritten. */
const delayMs = 10 * second

interface Opened {
  readonly domain: TestDomain
  readonly store: Store
}

async function openStore(
  options: { name?: string; retention?: OwnRetention; engine?: StorageEngine } = {},
): Promise<Opened> {
  const { name, retention = 'default', engine = new MemoryEngine() } = options
  const domain = await openTestDomain(engine)
  return { domain, store: await domain.stores.create({ ownerId: owner, name, retention }) }
}

/** Another server on the same data. */
async function nextServer({ domain, store }: Opened): Promise<Opened> {
  const { engine, environment } = domain
  const next = await openTestDomain(engine, { environment })
  return { domain: next, store: await next.stores.find(store.id) }
}

async function isAlive({ domain, store }: Opened): Promise<boolean> {
  return (await codeOf(findAndUse(domain, store.id))) === 'none'
}

/** A store that was just used lives as long as it may after its last use, also elsewhere. */
async function expectFullLife(opened: Opened): Promise<void> {
  const next = await nextServer(opened)
  next.domain.environment.advance(hour - 1)
  expect(await isAlive(next)).toBe(true)
}

describe('after a clean close', () => {
  it('a store ends at its exact time', async () => {
    const opened = await openStore({ retention: lasting })
    opened.domain.environment.advance(second)
    await opened.store.get('key')
    opened.domain.environment.advance(second)
    await opened.store.get('key')
    await opened.domain.close()
    const next = await nextServer(opened)
    next.domain.environment.advance(hour - 1)
    expect(await isAlive(next)).toBe(true)
    next.domain.environment.advance(1)
    expect(await isAlive(next)).toBe(false)
  })

  it('no server is registered as running', async () => {
    const { domain } = await openStore()
    expect(await entriesOf(domain.engine, 'instance')).toHaveLength(1)
    await domain.close()
    expect(await entriesOf(domain.engine, 'instance')).toEqual([])
  })
})

describe('after an unclean stop', () => {
  /**
   * The server crashes before it writes its last renewal, with which the store expires at `endsAt`.
   */
  async function crashed(): Promise<{ opened: Opened; next: Opened; endsAt: number }> {
    const opened = await openStore({ retention: lasting })
    const { environment } = opened.domain
    environment.advance(delayMs)
    await opened.store.get('key')
    await settle()
    environment.advance(delayMs - 1)
    await opened.store.get('key')
    const next = await nextServer(opened)
    return { opened, next, endsAt: environment.now() + hour }
  }

  function goTo(environment: TestEnvironment, time: number): void {
    environment.advance(time - environment.now())
  }

  it('a store never ends before its last use plus its time to live', async () => {
    const { next, endsAt } = await crashed()
    goTo(next.domain.environment, endsAt - 1)
    expect(await isAlive(next)).toBe(true)
    await next.domain.sweeper.sweep()
    expect(await isAlive(next)).toBe(true)
    goTo(next.domain.environment, endsAt + delayMs)
    expect(await isAlive(next)).toBe(false)
  })

  it('a store lives longer only by the time that a renewal may stay unwritten', async () => {
    const { next, endsAt } = await crashed()
    goTo(next.domain.environment, endsAt + delayMs)
    expect(await isAlive(next)).toBe(false)
  })

  const looks: readonly [string, (next: Opened) => Promise<unknown>][] = [
    ['lists its keys', ({ store }) => store.list(wholeList)],
    [
      'changes its title',
      ({ domain, store }) => domain.stores.update(store.id, { title: 'Title' }),
    ],
  ]

  it.each(looks)('a store does not end earlier if the next server %s', async (_, look) => {
    const { next, endsAt } = await crashed()
    await look(next)
    await settle()
    await next.domain.sweeper.sweep()
    goTo(next.domain.environment, endsAt - 1)
    expect(await isAlive(next)).toBe(true)
    goTo(next.domain.environment, endsAt + delayMs)
    expect(await isAlive(next)).toBe(false)
  })

  it('a store that the next server uses expires a time to live after that use', async () => {
    const { next } = await crashed()
    next.domain.environment.advance(minute)
    await next.store.get('key')
    await next.domain.close()
    const last = await nextServer(next)
    last.domain.environment.advance(hour - 1)
    expect(await isAlive(last)).toBe(true)
    last.domain.environment.advance(1 + delayMs)
    expect(await isAlive(last)).toBe(false)
  })

  it('a use counts just after one that renews nothing', async () => {
    const opened = await openStore({ retention: lasting })
    const { environment } = opened.domain
    environment.advance(hour / 2)
    await opened.store.list(wholeList)
    await settle()
    environment.advance(second)
    await opened.store.get('key')
    await settle()
    await expectFullLife(opened)
  })

  it('a use counts just after one that could not be written', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const opened = await openStore({ retention: lasting, engine })
    const { environment } = opened.domain
    environment.advance(hour / 2)
    engine.commitFailure = new EngineError('unavailable', 'Injected.')
    await opened.store.get('key')
    await settle()
    engine.commitFailure = undefined
    await opened.store.get('key')
    await settle()
    await expectFullLife(opened)
  })

  it('a use counts while another one is being written', async () => {
    const faults = { ...delaysOnly, delay: 1 }
    const engine = new FaultyEngine(new MemoryEngine(), { faults, seed: 1 })
    const opened = await openStore({ retention: lasting, engine })
    const { environment } = opened.domain
    environment.advance(hour / 2)
    await opened.store.list(wholeList)
    await opened.store.get('key')
    for (let turn = 0; turn < 10; turn += 1) await settle()
    await expectFullLife(opened)
  })

  it('a store never ends early after two servers stopped uncleanly', async () => {
    const { next } = await crashed()
    next.domain.environment.advance(delayMs)
    await next.store.list(wholeList)
    await settle()
    next.domain.environment.advance(delayMs - 1)
    await next.store.get('key')
    const last = await nextServer(next)
    last.domain.environment.advance(hour - 1)
    expect(await isAlive(last)).toBe(true)
  })

  it('an unnamed store lives seven days and ten seconds', async () => {
    const opened = await openStore()
    const next = await nextServer(opened)
    next.domain.environment.advance(7 * day + delayMs - 1)
    expect(await isAlive(next)).toBe(true)
    next.domain.environment.advance(1)
    expect(await isAlive(next)).toBe(false)
  })
})

describe('a server that stops', () => {
  it('stays registered if it could not write the last use', async () => {
    const engine = new ContendedEngine()
    const opened = await openStore({ retention: lasting, engine })
    opened.domain.environment.advance(second)
    await opened.store.get('key')
    engine.contended = activityKey(opened.store.id)
    await opened.domain.close()
    engine.contended = undefined
    const next = await nextServer(opened)
    next.domain.environment.advance(hour - 1)
    expect(await isAlive(next)).toBe(true)
  })
})

describe('two running servers', () => {
  it('never end a store early that the other has just used', async () => {
    const one = await openStore({ retention: lasting })
    const two = await nextServer(one)
    const { environment } = one.domain
    await one.store.get('key')
    await settle()
    environment.advance(delayMs)
    await one.store.get('key')
    await two.store.get('key')
    await settle()
    environment.advance(delayMs - 1)
    await one.store.get('key')
    environment.advance(hour - 1)
    expect([await isAlive(one), await isAlive(two)]).toEqual([true, true])
  })

  const uses: readonly [string, (used: Opened) => Promise<unknown>][] = [
    ['read', async ({ store }) => store.get('key')],
    ['written to', ({ store }) => store.put(textRecord('key', 'value'))],
    ['deleted from', ({ store }) => store.delete('key')],
    ['read several records of', async ({ store }) => store.batch.get(['key'])],
    ['counted the records of', ({ store }) => store.batch.count()],
    ['deleted several records of', ({ store }) => store.batch.delete(['key'])],
  ]

  it.each(uses)('never end a store at the moment when the other has %s it', async (_, use) => {
    const one = await openStore({ retention: lasting })
    const two = await nextServer(one)
    const { environment } = one.domain
    environment.advance(hour - 1)
    await use(two)
    environment.advance(1)
    expect(await isAlive(one)).toBe(true)
    environment.advance(hour - 2)
    expect([await isAlive(one), await isAlive(two)]).toEqual([true, true])
  })

  it('let a store be read near its expiry even if the use cannot be written', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const one = await openStore({ retention: lasting, engine })
    const two = await nextServer(one)
    one.domain.environment.advance(hour - 1)
    engine.commitFailure = new EngineError('full', 'Injected.')
    expect(await codeOf(two.store.get('key'))).toBe('none')
    expect(two.domain.environment.events).toEqual([
      'Writes are refused, because the storage is full: Injected.',
    ])
  })

  it('agree on the expiry of a store that both used before they stopped in order', async () => {
    const one = await openStore({ retention: lasting })
    const two = await nextServer(one)
    await two.store.get('key')
    one.domain.environment.advance(second)
    await one.store.get('key')
    await Promise.all([one.domain.close(), two.domain.close()])
    const next = await nextServer(one)
    next.domain.environment.advance(hour - 1)
    expect(await isAlive(next)).toBe(true)
    next.domain.environment.advance(1 + delayMs)
    expect(await isAlive(next)).toBe(false)
  })
})

/** Another server always writes the same entry just before. */
class ContendedEngine extends MemoryEngine {
  contended: Bytes | undefined

  override async commit(write: AtomicWrite): Promise<Commit> {
    if (this.contended) {
      const [entry] = await this.get([this.contended])
      if (entry) await super.commit({ puts: [{ key: entry.key, value: entry.value }] })
    }
    return super.commit(write)
  }
}
