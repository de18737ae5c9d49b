import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../engines/conformance/faulty.ts'
import { MemoryEngine } from '../engines/memory.ts'
import { EngineError } from './engine/engine.ts'
import type { Store } from './stores/store.ts'
import { owner } from './testing/callers.ts'
import { HurtEngine } from './testing/hurt-engine.ts'
import { codeOf, promised } from './testing/outcomes.ts'
import { patternBytes } from './testing/pattern-bytes.ts'
import { bytesRecord, readBytes, readText, textRecord } from './testing/records.ts'
import { openTestDomain, type TestDomain } from './testing/test-domain.ts'
import { settle } from './testing/times.ts'

describe('a domain', () => {
  it('finds everything that another one stored on the same engine', async () => {
    const engine = new MemoryEngine()
    const first = await openTestDomain(engine)
    await first.users.createFirst('token')
    const grant = await first.tokens.findByText('token')
    const store = await first.stores.create({ ownerId: owner, name: 'coats' })
    await store.put(textRecord('small', 'value'))
    await store.put(bytesRecord('large', patternBytes(2 ** 21)))
    await first.close()
    const second = await openTestDomain(engine, { environment: first.environment })
    const found = await second.stores.findByName(owner, 'coats')
    expect(await readText(found, 'small')).toBe('value')
    expect(
      Buffer.compare((await readBytes(found, 'large')) ?? Buffer.of(), patternBytes(2 ** 21)),
    ).toBe(0)
    expect(await second.tokens.findByText('token')).toEqual(grant)
  })

  it('sees the changes of another one on the same engine at once', async () => {
    const engine = new MemoryEngine()
    const one = await openTestDomain(engine)
    const two = await openTestDomain(engine, { environment: one.environment })
    const here = await one.stores.create({ ownerId: owner, name: 'coats' })
    const there = await two.stores.find(here.id)
    await here.put(textRecord('key', 'one'))
    expect(await readText(there, 'key')).toBe('one')
    await there.clear()
    expect(await here.get('key')).toBeUndefined()
    await two.stores.update(here.id, { name: 'hats', title: 'Hats' })
    expect(await here.identity()).toMatchObject({ name: 'hats', title: 'Hats' })
    await two.stores.drop(here.id)
    expect(await codeOf(here.put(textRecord('key', 'x')))).toBe('store-not-found')
  })

  it('waits for background work when it closes', async () => {
    const faults = { ...delaysOnly, delay: 1 }
    const engine = new FaultyEngine(new MemoryEngine(), { faults, seed: 1 })
    const first = await openTestDomain(engine)
    const store = await first.stores.create({ ownerId: owner, name: 'coats' })
    const { revision } = await store.put(textRecord('key', '{}'))
    // These run one after the other, since they write one record: this takes longer than the rest.
    for (let turn = 0; turn < 20; turn += 1) store.rememberJson('key', revision, 'unsound')
    store.rememberJson('key', revision, 'sound')
    await first.close()
    const second = await openTestDomain(engine, { environment: first.environment })
    const found = await second.stores.find(store.id)
    expect(await found.head('key')).toMatchObject({ jsonState: 'sound' })
    expect(await found.info()).toMatchObject({ writeCount: 1 })
  })

  it('leaves the engine open when it is closed', async () => {
    const engine = new MemoryEngine()
    await (await openTestDomain(engine)).close()
    await expect(promised(() => engine.get([Buffer.from('a')]))).resolves.toEqual([undefined])
  })
})

describe('a domain whose storage fails', () => {
  async function failing(
    failure: EngineError,
  ): Promise<{ engine: HurtEngine; store: Store; domain: TestDomain }> {
    const engine = new HurtEngine(new MemoryEngine())
    const domain = await openTestDomain(engine)
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    await store.put(textRecord('key', 'before'))
    engine.commitFailure = failure
    return { engine, store, domain }
  }

  const unknown = new EngineError('unavailable', 'Injected.', { applied: 'unknown' })

  it.each([
    ['storage-full', new EngineError('full', 'Injected.')],
    ['storage-unavailable', new EngineError('unavailable', 'Injected.')],
    ['store-busy', new EngineError('conflict', 'Injected.')],
    ['outcome-unknown', unknown],
  ])('refuses every write with %s, but still reads', async (code, failure) => {
    const { domain, store } = await failing(failure)
    const writes = [
      store.put(textRecord('key', 'after')),
      store.add(textRecord('new', 'after')),
      store.delete('key'),
      store.clear(),
      domain.stores.update(store.id, { title: 'Title' }),
      domain.stores.create({ ownerId: owner, name: undefined }),
      domain.stores.open({ ownerId: owner, name: 'new' }),
      domain.stores.drop(store.id),
    ]
    expect(await Promise.all(writes.map(codeOf))).toEqual(writes.map(() => code))
    expect(await readText(store, 'key')).toBe('before')
  })

  it('writes again as soon as the storage works again', async () => {
    const { engine, store } = await failing(unknown)
    await codeOf(store.put(textRecord('key', 'lost')))
    engine.commitFailure = undefined
    expect(await codeOf(store.put(textRecord('key', 'after')))).toBe('none')
    expect(await readText(store, 'key')).toBe('after')
  })

  it('logs once that writes fail, also for those in the background', async () => {
    const { domain, store } = await failing(unknown)
    domain.environment.advance(20_000)
    await store.get('key')
    await settle()
    expect(domain.environment.events).toHaveLength(1)
    expect(domain.environment.errors).toEqual([])
  })
})
