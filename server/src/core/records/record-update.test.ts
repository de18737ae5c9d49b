import { describe, expect, it } from 'vitest'
import { allFaults, type Faults, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { NamedRequest } from '../idempotency/named-request.ts'
import { StorageError } from '../kernel/errors.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { readText, textRecord } from '../testing/records.ts'
import { SharedEngine } from '../testing/shared-engine.ts'
import { openTestDomain, sweepFor } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { hour } from '../testing/times.ts'
import type { StoreRecord } from './record.ts'
import type { Compute, NewValue } from './record-update.ts'

const json = (text: string): NewValue => ({
  contentType: 'application/json',
  bytes: Buffer.from(text),
  jsonState: 'sound',
  isChanged: true,
})

async function numberIn(record: StoreRecord | undefined): Promise<number> {
  if (!record) return 0
  return Number(Buffer.from(await record.value.read()).toString())
}

const increment =
  (by: number): Compute =>
  async (before) =>
    json(String((await numberIn(before)) + by))

const named = (name: string, scope = 'alice', parts: string[] = []): NamedRequest =>
  new NamedRequest({ scope, name, parts })

async function openStore(): Promise<Store> {
  const { stores } = await openTestDomain(new MemoryEngine())
  return stores.create({ ownerId: owner, name: 'coats' })
}

describe('an update', () => {
  it('computes the value from the one that is there, one after the other', async () => {
    const store = await openStore()
    const all = Array.from({ length: 200 }, () => store.update('n', increment(1)))
    const revisions = (await Promise.all(all)).map((updated) => updated?.revision)
    expect(await readText(store, 'n')).toBe('200')
    expect(new Set(revisions).size).toBe(200)
  })

  it('loses nothing and counts nothing twice while everything fails that can fail', async () => {
    const faulty = await openFaulty({ ...allFaults, unknown: 0 }, 7)
    let sum = 0
    for (let round = 0; round < 40; round += 1) {
      const updates = Array.from({ length: 5 }, () => codeOf(faulty.update('n', increment(1))))
      sum += (await Promise.all(updates)).filter((code) => code === 'none').length
    }
    expect(sum).toBeGreaterThan(0)
    expect(await eventually(() => readText(faulty, 'n'))).toBe(String(sum))
  })

  it('that throws changes nothing', async () => {
    const store = await openStore()
    await store.put(textRecord('key', 'one'))
    const before = await store.head('key')
    const refuse = async (): Promise<never> => {
      throw new StorageError('patch-failed', 'No.')
    }
    expect(await codeOf(store.update('key', refuse))).toBe('patch-failed')
    expect(await store.head('key')).toEqual(before)
  })

  it('that changes nothing keeps the revision', async () => {
    const store = await openStore()
    const { revision } = await store.put(textRecord('key', '5'))
    const same: Compute = async () => ({ ...json('5'), isChanged: false })
    expect(await store.update('key', same)).toMatchObject({ revision })
    expect((await store.changes({ after: 0, prefix: '' })).changes).toHaveLength(1)
  })

  it('deletes the record if it computes none', async () => {
    const store = await openStore()
    await store.put(textRecord('key', '5'))
    expect(await store.update('key', async () => undefined)).toBeUndefined()
    expect(await store.head('key')).toBeUndefined()
    expect(await store.update('key', async () => undefined)).toBeUndefined()
  })

  it('obeys its condition', async () => {
    const store = await openStore()
    await store.put(textRecord('key', '5'))
    const absent = { condition: { kind: 'absent' } } as const
    expect(await codeOf(store.update('key', increment(1), absent))).toBe('condition-failed')
    expect(await store.update('other', increment(1), absent)).toBeDefined()
  })

  it('reads and writes long values, and leaves no chunk behind', async () => {
    const domain = await openTestDomain(new MemoryEngine())
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const append: Compute = async (before) => {
      const old = before ? await before.value.read() : Buffer.alloc(0)
      return { ...json(''), bytes: Buffer.concat([old, patternBytes(700_000)]) }
    }
    for (let times = 0; times < 5; times += 1) await store.update('long', append)
    const long = await store.get('long')
    const whole = Buffer.concat(Array.from({ length: 5 }, () => patternBytes(700_000)))
    expect(Buffer.compare(Buffer.from((await long?.value.read()) ?? []), whole)).toBe(0)
    long?.value[Symbol.dispose]()
    await sweepFor(domain, hour)
    expect(await entriesOf(domain.engine, 'chunk')).toHaveLength(4)
  })

  it('refuses a value that is too large', async () => {
    const store = await openStore()
    const huge: Compute = async () => ({ ...json(''), bytes: Buffer.alloc(17 * 2 ** 20) })
    expect(await codeOf(store.update('key', huge))).toBe('value-too-large')
  })
})

describe('a request that is sent again', () => {
  it('counts once, and returns what the first did', async () => {
    const store = await openStore()
    const first = await store.update('n', increment(5), { request: named('a') })
    const second = named('a')
    expect(await store.update('n', increment(5), { request: second })).toEqual(first)
    expect(second.isRepetition).toBe(true)
    expect(await readText(store, 'n')).toBe('5')
  })

  it('counts once if both are under way at once', async () => {
    const store = await openStore()
    const both = [1, 2].map(() => store.update('n', increment(1), { request: named('a') }))
    const [one, other] = await Promise.all(both)
    expect(one).toEqual(other)
    expect(await readText(store, 'n')).toBe('1')
  })

  it('is told what another server did meanwhile, though its condition holds no longer', async () => {
    const { hurt, store, same } = await openOnTwoServers()
    const condition = { kind: 'absent' } as const
    let first: unknown
    hurt.beforeAnswer = async () => {
      first = await store.update('n', increment(5), { condition, request: named('a') })
    }
    const request = named('a')
    expect(await same.update('n', increment(5), { condition, request })).toEqual(first)
    expect(request.isRepetition).toBe(true)
    expect(await codeOf(same.update('n', increment(5), { condition }))).toBe('condition-failed')
  })

  it('is another request for another caller, key or store', async () => {
    const { stores } = await openTestDomain(new MemoryEngine())
    const [one, two] = await Promise.all(
      ['one', 'two'].map((name) => stores.create({ ownerId: owner, name })),
    )
    for (const store of [one, two]) {
      for (const key of ['k', 'l']) {
        for (const scope of ['alice', 'bob']) {
          await store?.update(key, increment(1), { request: named('a', scope) })
        }
        expect(store && (await readText(store, key))).toBe('2')
      }
    }
  })

  it('with another content is refused', async () => {
    const store = await openStore()
    await store.update('n', increment(1), { request: named('a', 'alice', ['by 1']) })
    const other = { request: named('a', 'alice', ['by 2']) }
    expect(await codeOf(store.update('n', increment(2), other))).toBe('idempotency-key-reused')
    expect(await readText(store, 'n')).toBe('1')
  })

  it('may be a put or a delete, with a condition that only held the first time', async () => {
    const store = await openStore()
    const absent = { kind: 'absent' } as const
    const put = (): Promise<unknown> => {
      const request = named('put')
      const record = textRecord('key', 'value')
      return store.put({ ...record, source: request.reading(record.source) }, absent, request)
    }
    expect(await put()).toEqual(await put())
    expect(await store.delete('key', undefined, named('delete'))).toBe(true)
    await store.put(textRecord('key', 'new'))
    expect(await store.delete('key', undefined, named('delete'))).toBe(true)
    expect(await readText(store, 'key')).toBe('new')
  })

  it('that found nothing to do does nothing later either', async () => {
    const store = await openStore()
    expect(await store.delete('key', undefined, named('delete'))).toBe(false)
    await store.put(textRecord('key', 'new'))
    expect(await store.delete('key', undefined, named('delete'))).toBe(false)
    expect(await readText(store, 'key')).toBe('new')
  })

  it('looks again for something to do if another writer was faster than its note', async () => {
    const { hurt, store, same } = await openOnTwoServers()
    hurt.beforeCommit = () => store.put(textRecord('key', 'new'))
    expect(await same.delete('key', undefined, named('delete'))).toBe(true)
    expect(await store.head('key')).toBeUndefined()
  })

  it('may have a long value, whose chunks are not stored twice', async () => {
    const domain = await openTestDomain(new MemoryEngine())
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const put = (fill: string): Promise<unknown> => {
      const request = named('long')
      const record = textRecord('key', fill.repeat(3 * 2 ** 20))
      return store.put({ ...record, source: request.reading(record.source) }, undefined, request)
    }
    expect(await put('a')).toEqual(await put('a'))
    expect(await codeOf(put('b'))).toBe('idempotency-key-reused')
    await sweepFor(domain, hour)
    expect(await entriesOf(domain.engine, 'chunk')).toHaveLength(3)
    expect(await entriesOf(domain.engine, 'lease')).toHaveLength(0)
  })

  it('is known for an hour, and forgotten after two', async () => {
    const domain = await openTestDomain(new MemoryEngine())
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const once = (): Promise<unknown> => store.update('n', increment(1), { request: named('a') })
    await once()
    await sweepFor(domain, hour - 60_000)
    await once()
    expect(await readText(store, 'n')).toBe('1')
    await sweepFor(domain, 2 * hour)
    expect(await entriesOf(domain.engine, 'idempotency')).toEqual([])
    await once()
    expect(await readText(store, 'n')).toBe('2')
  })

  it('counts once however often answers are lost', async () => {
    const store = await openFaulty(allFaults, 3)
    for (let count = 1; count <= 30; count += 1) {
      await eventually(() => store.update('n', increment(1), { request: named(`${count}`) }))
    }
    expect(await eventually(() => readText(store, 'n'))).toBe('30')
  })
})

/** `same` is the store on another server, which uses the engine through `hurt`. */
async function openOnTwoServers(): Promise<{ hurt: SharedEngine; store: Store; same: Store }> {
  const memory = new MemoryEngine()
  const hurt = new SharedEngine(memory)
  const one = await openTestDomain(new SharedEngine(memory))
  const other = await openTestDomain(hurt, { environment: new TestEnvironment(2) })
  const store = await one.stores.create({ ownerId: owner, name: 'coats' })
  return { hurt, store, same: await other.stores.find(store.id) }
}

/** A store whose engine begins to fail once it is there. */
async function openFaulty(faults: Faults, seed: number): Promise<Store> {
  const current = { delay: 0, conflict: 0, failBefore: 0, unknown: 0 }
  const engine = new FaultyEngine(new MemoryEngine(), { faults: current, seed })
  const { stores } = await openTestDomain(engine)
  const store = await stores.create({ ownerId: owner, name: 'coats' })
  Object.assign(current, faults)
  return store
}

/** Tries again while the storage fails. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
    }
  }
}
