import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'

/** Far more often than would happen by chance. */
const overtakings = 200

interface Overtaken {
  readonly domain: TestDomain
  readonly store: Store
  /** Before each of this server's next commits, another server does `work`. */
  overtake(work: (store: Store, time: number) => Promise<unknown>): void
}

async function openOvertaken(): Promise<Overtaken> {
  const memory = new MemoryEngine()
  const hurt = new HurtEngine(memory)
  const domain = await openTestDomain(hurt)
  const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
  await store.put(textRecord('key', 'value'))
  const other = await openTestDomain(memory, { environment: domain.environment })
  const theirs = await other.stores.find(store.id)
  const overtake: Overtaken['overtake'] = (work) => {
    let time = 0
    const once = async (): Promise<void> => {
      time += 1
      if (time < overtakings) hurt.beforeCommit = once
      await work(theirs, time)
    }
    hurt.beforeCommit = once
  }
  return { domain, store, overtake }
}

const wholeRecord = {
  key: 'key',
  contentType: 'text/plain',
  bytes: Buffer.from('ours'),
  jsonState: 'unchecked',
} as const

describe('a server that another server always overtakes', () => {
  it.each<[string, (store: Store) => Promise<unknown>]>([
    ['puts a record', (store) => store.put(textRecord('key', 'ours'))],
    ['puts several records at once', (store) => store.batch.put([wholeRecord])],
    ['deletes a record', (store) => store.delete('key')],
    ['replaces all records', (store) => store.replaceAll([wholeRecord])],
  ])('finally %s', async (_, work) => {
    const { store, overtake } = await openOvertaken()
    let count = 0
    overtake(async (theirs, time) => {
      count = time
      await theirs.put(textRecord('key', `theirs ${time}`))
      await theirs.put(textRecord(`key ${time}`, 'theirs'))
    })
    await work(store)
    expect(count).toBe(overtakings)
    const record = await store.get('key')
    const text = record && Buffer.from(await record.value.read()).toString()
    expect([undefined, 'ours']).toContain(text)
  })

  it.each<[string, (store: Store, domain: TestDomain) => Promise<unknown>]>([
    ['changes the settings', ({ id }, { stores }) => stores.update(id, { title: 'ours' })],
    ['clears the store', (store) => store.clear()],
    ['drops the store', ({ id }, { stores }) => stores.drop(id)],
  ])('finally %s', async (_, work) => {
    const { domain, store, overtake } = await openOvertaken()
    let count = 0
    overtake(async (theirs, time) => {
      count = time
      await theirs.clear()
    })
    await work(store, domain)
    expect(count).toBe(overtakings)
  })
})
