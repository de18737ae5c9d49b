import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { WholeSource } from '../kernel/byte-source.ts'
import { StorageError } from '../kernel/errors.ts'
import { callerWith, owner } from '../testing/callers.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import type { Store } from './store.ts'

const record = { key: 'K', contentType: 'text/plain', contentEncoding: '' }
const uses: readonly [string, (store: Store) => Promise<unknown>][] = [
  ['identity', (store) => store.identity()],
  ['info', (store) => store.info()],
  ['get', async (store) => store.get('K')],
  ['head', (store) => store.head('K')],
  ['put', (store) => store.put({ ...record, source: new WholeSource(Buffer.from('x')) })],
  ['put of a long value', (store) => store.put({ ...record, source: longSource() })],
  ['add', (store) => store.add({ ...record, source: new WholeSource(Buffer.from('x')) })],
  ['delete', (store) => store.delete('K')],
  ['list', (store) => store.list({ prefix: '', startAfter: undefined, limit: 1 })],
  ['clear', (store) => store.clear()],
  ['changes', (store) => store.changes({ after: 0, prefix: '' })],
]

describe('the guard of a store', () => {
  it.each(uses)('is asked again by %s', async (_, use) => {
    const { stores } = await openTestDomain(new MemoryEngine())
    const { id } = await stores.create({ ownerId: owner, name: 'guarded' })
    let isAllowed = true
    const caller = callerWith(() => {
      if (!isAllowed) throw new StorageError('access-denied', 'Not any more.')
    })
    const store = await stores.find(id, caller)
    await expect(use(store)).resolves.not.toThrow()
    isAllowed = false
    await expect(use(store)).rejects.toMatchObject({ code: 'access-denied' })
  })

  it('sees the current state of the store', async () => {
    const { stores } = await openTestDomain(new MemoryEngine())
    const { id } = await stores.create({ ownerId: owner, name: 'before' })
    const names: (string | null)[] = []
    const store = await stores.find(
      id,
      callerWith(({ name }) => names.push(name)),
    )
    await stores.update(id, { name: 'after' })
    await store.get('K')
    expect(names.at(-1)).toBe('after')
  })

  it('does not refuse a caller because of an outdated state of the store', async () => {
    const engine = new MemoryEngine()
    const [here, elsewhere] = [await openTestDomain(engine), await openTestDomain(engine)]
    const { id } = await here.stores.create({ ownerId: owner, name: 'opened' })
    const guard = callerWith(({ generalAccess }) => {
      if (generalAccess === 'FOLLOW_USER_SETTING') throw new StorageError('access-denied', 'No.')
    })
    await expect(here.stores.find(id, guard)).rejects.toMatchObject({ code: 'access-denied' })
    await elsewhere.stores.update(id, { generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    await expect(here.stores.find(id, guard)).resolves.toMatchObject({ id })
  })

  it('keeps a store from being found', async () => {
    const { stores } = await openTestDomain(new MemoryEngine())
    const { id } = await stores.create({ ownerId: owner, name: 'hidden' })
    const deny = callerWith(() => {
      throw new StorageError('access-denied', 'No.')
    })
    const denied = { code: 'access-denied' }
    await expect(stores.find(id, deny)).rejects.toMatchObject(denied)
    await expect(stores.findByName(owner, 'hidden', deny)).rejects.toMatchObject(denied)
  })
})

function longSource(): WholeSource {
  return new WholeSource(Buffer.alloc(1_500_000))
}
