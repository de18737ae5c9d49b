import type { KeyValueStoreClient } from 'apify-client'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { engines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const denied = {
  statusCode: 403,
  type: 'insufficient-permissions',
  message:
    "Insufficient permissions for the key-value store. Make sure you're passing a correct API " +
    'token and that it has the required permissions.',
}
const missing = {
  statusCode: 404,
  type: 'record-not-found',
  message: 'Key-value Store was not found',
}

describe.each(engines)('two users through apify-client, on %s', (engine) => {
  const { server, people, jane, joe } = useTestPeople({ engine }, 'jane', 'joe')
  let storeId = ''
  let count = 0
  beforeEach(async () => {
    count += 1
    const stores = server.client(jane).keyValueStores()
    storeId = (await stores.getOrCreate(`of-jane-${count}`)).id
    await janes().setRecord({ key: 'K', value: 'text' })
  })

  const janes = (): KeyValueStoreClient => server.client(jane).keyValueStore(storeId)
  const joes = (address = storeId): KeyValueStoreClient => server.client(joe).keyValueStore(address)
  const share = (action: string | null): Promise<void> =>
    people.share(jane, storeId, { joe: action })

  const reads: readonly [string, (store: KeyValueStoreClient) => Promise<unknown>][] = [
    ['get', (store) => store.get()],
    ['getRecord', (store) => store.getRecord('K')],
    ['getRecord of none', (store) => store.getRecord('NONE')],
    ['listKeys', (store) => store.listKeys()],
  ]
  const writes: readonly [string, (store: KeyValueStoreClient) => Promise<unknown>][] = [
    ['setRecord', (store) => store.setRecord({ key: 'K', value: 'changed' })],
    ['setRecord of a new one', (store) => store.setRecord({ key: 'NEW', value: 'new' })],
    ['deleteRecord', (store) => store.deleteRecord('K')],
  ]
  const managing: readonly [string, (store: KeyValueStoreClient) => Promise<unknown>][] = [
    ['update', (store) => store.update({ title: 'changed' })],
    ['delete', (store) => store.delete()],
  ]

  async function assertDenied(uses: typeof reads): Promise<void> {
    for (const [name, use] of uses) await expect(use(joes()), name).rejects.toMatchObject(denied)
    const keys = (await janes().listKeys()).items.map(({ key }) => key)
    expect(keys).toEqual(['K'])
    expect((await janes().getRecord('K'))?.value).toBe('text')
    expect((await janes().get())?.title).toBeNull()
  }

  it("have no access to each other's stores, and get the API's errors", async () => {
    await assertDenied([...reads, ...writes, ...managing])
    await expect(joes().recordExists('K')).rejects.toMatchObject({ statusCode: 403 })
    expect(await joes('AAAAAAAAAAAAAAAAA').get()).toBeUndefined()
  })

  it('find no store of each other by its name, whether or not it exists', async () => {
    for (const name of [`jane/of-jane-${count}`, `${jane.id}/of-jane-${count}`, 'jane/none']) {
      expect(await joes(name).get(), name).toBeUndefined()
      expect(await joes(name).getRecord('K'), name).toBeUndefined()
      await expect(joes(name).listKeys()).rejects.toMatchObject(missing)
      await expect(joes(name).setRecord({ key: 'K', value: 1 })).rejects.toMatchObject(missing)
    }
    expect(await joes(`~of-jane-${count}`).get()).toBeUndefined()
  })

  it('may have stores with the same name', async () => {
    const own = await server.client(joe).keyValueStores().getOrCreate(`of-jane-${count}`)
    expect(own.id).not.toBe(storeId)
    expect((await joes(`~of-jane-${count}`).get())?.id).toBe(own.id)
    expect((await joes(`joe/of-jane-${count}`).get())?.id).toBe(own.id)
    await share('read')
    expect((await joes(`jane/of-jane-${count}`).get())?.id).toBe(storeId)
  })

  it('may only read a store that is shared for reading', async () => {
    await share('read')
    expect(await joes().get()).toMatchObject({ id: storeId, username: 'jane' })
    expect((await joes().getRecord('K'))?.value).toBe('text')
    expect(await joes().recordExists('K')).toBe(true)
    expect((await joes().listKeys()).items.map(({ key }) => key)).toEqual(['K'])
    await assertDenied([...writes, ...managing])
  })

  it('get no secret and no signed links if they may only read', async () => {
    await share('read')
    const seen = await joes().get()
    expect(seen).not.toHaveProperty('urlSigningSecretKey')
    const url = `${server.url()}/v2/key-value-stores/${storeId}`
    const plain = { keysPublicUrl: `${url}/keys`, recordsPublicUrl: `${url}/records` }
    expect(seen).toMatchObject(plain)
    const listed = (await server.client(joe).keyValueStores().list()).items
    const found = listed.find(({ id }) => id === storeId)
    expect(found).toMatchObject(plain)
    expect(found).not.toHaveProperty('urlSigningSecretKey')
    const { items } = await joes().listKeys()
    expect(items[0]?.recordPublicUrl).toBe(`${url}/records/K`)
  })

  it('may write a store that is shared for writing, sign its links, but not manage it', async () => {
    await share('write')
    await joes().setRecord({ key: 'BY-JOE', value: 'new' })
    await joes().setRecord({ key: 'K', value: 'changed' })
    expect((await janes().getRecord('BY-JOE'))?.value).toBe('new')
    expect((await janes().getRecord('K'))?.value).toBe('changed')
    await joes().deleteRecord('BY-JOE')
    expect(await janes().getRecord('BY-JOE')).toBeUndefined()
    expect(await joes().get()).toHaveProperty('urlSigningSecretKey')
    const signed = await fetch(await joes().getRecordPublicUrl('K'))
    expect(await signed.text()).toBe('changed')
    await janes().setRecord({ key: 'K', value: 'text' })
    await assertDenied(managing)
  })

  it('may do everything with a store that is shared for managing', async () => {
    await share('manage')
    await joes().setRecord({ key: 'K', value: 'changed' })
    const changes = { name: `renamed-by-joe-${count}`, title: 'By Joe' }
    expect(await joes().update(changes)).toMatchObject({ ...changes, username: 'jane' })
    expect((await server.client(jane).keyValueStore(`~${changes.name}`).get())?.id).toBe(storeId)
    const jill = await people.create(`jill-${engine}-${count}`)
    await people.share(joe, storeId, { [jill.username]: 'read' })
    expect((await server.client(jill).keyValueStore(storeId).getRecord('K'))?.value).toBe('changed')
    await joes().delete()
    expect(await janes().get()).toBeUndefined()
  })

  it('lose rights at once when they are taken back', async () => {
    await share('manage')
    await joes().setRecord({ key: 'K', value: 'text' })
    await share('read')
    expect((await joes().getRecord('K'))?.value).toBe('text')
    await assertDenied([...writes, ...managing])
    await share(null)
    await assertDenied([...reads, ...writes, ...managing])
  })

  it('can use signed links to a restricted store', async () => {
    await janes().update({ generalAccess: 'RESTRICTED' })
    const recordUrl = await janes().getRecordPublicUrl('K')
    const keysUrl = await janes().createKeysPublicUrl({ expiresInSecs: 60 })
    const headers = { Authorization: `Bearer ${joe.token}` }
    expect(await (await fetch(recordUrl, { headers })).text()).toBe('text')
    expect(await (await fetch(keysUrl, { headers })).json()).toMatchObject({
      data: { items: [{ key: 'K' }] },
    })
    const signature = new URL(recordUrl).searchParams.get('signature') ?? ''
    expect((await joes().getRecord('K', { signature }))?.value).toBe('text')
    await expect(joes().getRecord('K')).rejects.toMatchObject(denied)
    await expect(joes().getRecord('OTHER', { signature })).rejects.toMatchObject(denied)
  })

  it.each([
    ['RESTRICTED', 'ANYONE_WITH_ID_CAN_READ', false, false],
    ['FOLLOW_USER_SETTING', 'RESTRICTED', false, false],
    ['FOLLOW_USER_SETTING', 'ANYONE_WITH_ID_CAN_READ', true, false],
    ['ANYONE_WITH_ID_CAN_READ', 'RESTRICTED', true, false],
    ['ANYONE_WITH_NAME_CAN_READ', 'RESTRICTED', true, true],
  ] as const)(
    'may read %s stores of a user with the setting %s: by id %s, by name %s',
    async (...row) => {
      const [level, setting, byId, byName] = row
      await janes().update({ generalAccess: level })
      await setAccess(setting)
      const name = `jane/of-jane-${count}`
      if (byId) expect((await joes().getRecord('K'))?.value).toBe('text')
      else await expect(joes().getRecord('K')).rejects.toMatchObject(denied)
      expect((await joes(name).getRecord('K'))?.value).toBe(byName ? 'text' : undefined)
      await expect(joes().setRecord({ key: 'K', value: 1 })).rejects.toMatchObject(denied)
      const told = await janes().get()
      expect(told?.keysPublicUrl?.includes('signature'), 'signed').toBe(!byId)
      await setAccess('RESTRICTED')
      if (level === 'FOLLOW_USER_SETTING') await assertDenied(reads)
    },
  )

  async function setAccess(generalAccess: string): Promise<void> {
    const asked = { method: 'PATCH', token: jane.token, json: { generalAccess } }
    const { data } = await people.remote.do('/coatcheck/v1/me', asked)
    expect(data.generalAccess).toBe(generalAccess)
  }
})

describe.each(engines)('lists of stores of two users through apify-client, on %s', (engine) => {
  const { server, people, jane, joe } = useTestPeople({ engine }, 'jane', 'joe')
  const ids: Record<string, string> = {}

  beforeAll(async () => {
    const stores = { jane: server.client(jane).keyValueStores(), joe: server.client(joe) }
    ids.first = (await stores.joe.keyValueStores().getOrCreate('joes-first')).id
    ids.shared = (await stores.jane.getOrCreate('shared')).id
    ids.unnamed = (await stores.jane.getOrCreate()).id
    ids.unshared = (await stores.jane.getOrCreate('unshared')).id
    ids.last = (await stores.joe.keyValueStores().getOrCreate('joes-last')).id
    await people.share(jane, ids.shared, { joe: 'read' })
    await people.share(jane, ids.unnamed, { joe: 'write' })
  })

  type Options = Parameters<
    ReturnType<ReturnType<typeof server.client>['keyValueStores']>['list']
  >[0]
  const namesOf = async (person: { token: string }, options: Options = {}): Promise<unknown> => {
    const { items, total } = await server.client(person).keyValueStores().list(options)
    const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]))
    return [items.map(({ id }) => names.get(id)), total]
  }

  it('include shared stores among own ones, oldest or newest first', async () => {
    expect(await namesOf(joe)).toEqual([['first', 'shared', 'last'], 3])
    expect(await namesOf(joe, { desc: true })).toEqual([['last', 'shared', 'first'], 3])
    const all = ['first', 'shared', 'unnamed', 'last']
    expect(await namesOf(joe, { unnamed: true })).toEqual([all, 4])
  })

  it('can be limited to own or to shared stores', async () => {
    expect(await namesOf(joe, { ownership: 'ownedByMe' })).toEqual([['first', 'last'], 2])
    expect(await namesOf(joe, { ownership: 'sharedWithMe' })).toEqual([['shared'], 1])
    const shared = { ownership: 'sharedWithMe', unnamed: true } as const
    expect(await namesOf(joe, shared)).toEqual([['shared', 'unnamed'], 2])
    expect(await namesOf(jane, { ownership: 'sharedWithMe' })).toEqual([[], 0])
    expect(await namesOf(jane)).toEqual([['shared', 'unshared'], 2])
  })

  it('are returned page by page, each store once', async () => {
    const page = (offset: number): Promise<unknown> => namesOf(joe, { offset, limit: 1 })
    expect(await Promise.all([0, 1, 2, 3].map(page))).toEqual([
      [['first'], 3],
      [['shared'], 3],
      [['last'], 3],
      [[], 3],
    ])
  })

  it('contain only the store of a token for one store', async () => {
    const storeId = ids.shared ?? ''
    const one = await people.createToken(joe, { action: 'read', storeId })
    expect(await namesOf(one)).toEqual([['shared'], 1])
    expect(await namesOf(one, { ownership: 'ownedByMe' })).toEqual([[], 0])
    const part = await people.createToken(jane, { action: 'read', storeId, keyPrefix: 'a' })
    expect(await namesOf(part)).toEqual([['shared'], 1])
    const unshared = await people.createToken(joe, { storeId: ids.unshared ?? '' })
    expect(await namesOf(unshared, { unnamed: true })).toEqual([[], 0])
  })

  it('no longer include stores that are deleted or not shared any more', async () => {
    await people.share(jane, ids.shared ?? '', { joe: null })
    expect(await namesOf(joe)).toEqual([['first', 'last'], 2])
    await server
      .client(jane)
      .keyValueStore(ids.unnamed ?? '')
      .delete()
    expect(await namesOf(joe, { unnamed: true })).toEqual([['first', 'last'], 2])
  })
})
