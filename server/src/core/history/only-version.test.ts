import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { changeKey, changesTrimmedKey, encodeNumber } from '../disk/keyspace.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'

const second = 1_000

describe('the only version of a second', () => {
  let domain: TestDomain
  let store: Store

  beforeEach(async () => {
    domain = await openTestDomain(new MemoryEngine())
    store = await domain.stores.create({ ownerId: owner, name: 'versions' })
    domain.environment.advance(second - (domain.environment.now() % second))
  })

  async function isOnly(key: string): Promise<boolean> {
    const head = await store.head(key)
    return head !== undefined && store.isOnlyVersionOfSecond(head)
  }

  it('is one of a record that nobody changed in that second', async () => {
    await store.put(textRecord('a', 'one'))
    expect(await isOnly('a')).toBe(true)
    domain.environment.advance(second)
    await store.put(textRecord('a', 'two'))
    await store.put(textRecord('b', 'other'))
    expect(await isOnly('a')).toBe(true)
    domain.environment.advance(second / 2)
    await store.put(textRecord('a', 'three'))
    expect(await isOnly('a')).toBe(false)
    expect(await isOnly('b')).toBe(true)
  })

  it('is not one of a record that was deleted before, alone or with others', async () => {
    await store.put(textRecord('a', 'one'))
    await store.delete('a')
    await store.put(textRecord('a', 'two'))
    expect(await isOnly('a')).toBe(false)
    domain.environment.advance(second)
    await store.batch.put([
      { key: 'a', contentType: 'text/plain', bytes: Buffer.from('three'), jsonState: 'unchecked' },
      { key: 'b', contentType: 'text/plain', bytes: Buffer.from('three'), jsonState: 'unchecked' },
    ])
    expect(await isOnly('b')).toBe(true)
    await store.batch.delete(['a', 'b'])
    await store.put(textRecord('b', 'four'))
    expect(await isOnly('b')).toBe(false)
  })

  it('is not one of a store that was cleared in that second', async () => {
    await store.put(textRecord('a', 'one'))
    await store.clear()
    await store.put(textRecord('a', 'two'))
    expect(await isOnly('a')).toBe(false)
  })

  it('stays known however much changes later', async () => {
    await store.put(textRecord('a', 'one'))
    await store.put(textRecord('twice', 'one'))
    await store.put(textRecord('twice', 'two'))
    domain.environment.advance(second)
    for (let index = 0; index < 300; index += 1) await store.put(textRecord('b', `${index}`))
    expect(await isOnly('a')).toBe(true)
    expect(await isOnly('twice')).toBe(false)
  })

  it('is found far back among the revisions of other stores', async () => {
    const other = await domain.stores.create({ ownerId: owner, name: 'other' })
    await store.put(textRecord('a', 'one'))
    for (let index = 0; index < 700; index += 1) await other.put(textRecord('b', `${index}`))
    await store.put(textRecord('a', 'two'))
    expect(await isOnly('a')).toBe(false)
  })

  it('is not certain if the change log does not reach back', async () => {
    await store.put(textRecord('a', 'one'))
    domain.environment.advance(second)
    await store.put(textRecord('a', 'two'))
    expect(await isOnly('a')).toBe(true)
    const { entries } = await domain.engine.scan(
      {
        start: changeKey(store.id),
        end: Buffer.concat([changeKey(store.id), Buffer.alloc(9, 255)]),
      },
      { limit: 1, bytes: 1_000_000 },
    )
    const trimmed = {
      key: changesTrimmedKey(store.id),
      value: encodeNumber(entries[0]?.revision ?? 0),
    }
    const deletes = entries.map(({ key }) => key)
    await domain.engine.commit({ deletes, puts: [trimmed] })
    expect(await isOnly('a')).toBe(false)
  })

  it.each(['put', 'batch', 'replacement'])(
    'is counted by the clock that dates the changes, also for a %s: a server 0.9 s ahead of its storage',
    async (way) => {
      const environment = new TestEnvironment()
      const readClock = async (): Promise<number> => environment.now() - 900
      const engine = Object.assign(new MemoryEngine(), { readClock })
      const { stores } = await openTestDomain(engine, { environment })
      store = await stores.create({ ownerId: owner, name: 'skewed' })
      const write = async (text: string): Promise<unknown> => {
        const record = { key: 'a', contentType: 'text/plain', bytes: Buffer.from(text) }
        const whole = { ...record, jsonState: 'unchecked' } as const
        if (way === 'put') return store.put(textRecord('a', text))
        return way === 'batch' ? store.batch.put([whole]) : store.replaceAll([whole])
      }
      environment.advance(second + 50)
      await write('one')
      environment.advance(450)
      await write('two')
      expect((await store.head('a'))?.modifiedAt).toBe(environment.now() - 900)
      expect(await isOnly('a')).toBe(false)
    },
  )

  it('is not certain if that second had more changes than one page of the log', async () => {
    for (let index = 0; index < 1_100; index += 1) await store.put(textRecord('b', `${index}`))
    await store.put(textRecord('a', 'one'))
    expect(await isOnly('a')).toBe(false)
  })
})
