import { describe, expect, it } from 'vitest'
import { engines, useTestServer } from '../../support/network/test-server.ts'

describe.each(engines)('stores through apify-client, on %s', (engine) => {
  const server = useTestServer({ engine })

  it('creates a named store once, and returns it after that', async () => {
    const stores = server.client().keyValueStores()
    const made = await stores.getOrCreate('my-store')
    const again = await stores.getOrCreate('my-store')
    expect(made.id).toMatch(/^[a-zA-Z0-9]{17}$/)
    expect(again.id).toBe(made.id)
    expect(made).toMatchObject({ name: 'my-store', title: null, username: 'owner', actId: null })
    expect(made.createdAt).toBeInstanceOf(Date)
    expect(made.modifiedAt).toBeInstanceOf(Date)
    expect(made.accessedAt).toBeInstanceOf(Date)
    expect(made.stats).toMatchObject({ readCount: 0, writeCount: 0, storageBytes: 0 })
  })

  it('makes one store if many clients open the same name at once', async () => {
    const stores = server.client().keyValueStores()
    const opened = await Promise.all(
      Array.from({ length: 100 }, () => stores.getOrCreate('opened-at-once')),
    )
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1)
  })

  it('makes a new unnamed store each time', async () => {
    const stores = server.client().keyValueStores()
    const [first, second] = [await stores.getOrCreate(), await stores.getOrCreate()]
    expect(first.id).not.toBe(second.id)
    expect(first.name).toBeNull()
  })

  it('finds a store by id, by owner and name, and by ~name, but not by a plain name', async () => {
    const client = server.client()
    const { id, userId } = await client.keyValueStores().getOrCreate('addressed')
    for (const address of [id, 'owner/addressed', 'owner~addressed', `${userId}/addressed`]) {
      expect((await client.keyValueStore(address).get())?.id, address).toBe(id)
    }
    expect((await client.keyValueStore('~addressed').get())?.id).toBe(id)
    expect(await client.keyValueStore('addressed').get()).toBeUndefined()
    expect(await client.keyValueStore('nobody/addressed').get()).toBeUndefined()
    expect(await client.keyValueStore('AAAAAAAAAAAAAAAAA').get()).toBeUndefined()
  })

  it('returns undefined for a missing store, so that the SDK makes it by getOrCreate', async () => {
    const client = server.client()
    expect(await client.keyValueStore('opened-by-sdk').get()).toBeUndefined()
    const { id } = await client.keyValueStores().getOrCreate('opened-by-sdk')
    expect((await client.keyValueStore(id).get())?.name).toBe('opened-by-sdk')
  })

  it('renames, titles and shares a store; removing the name frees it', async () => {
    const client = server.client()
    const { id } = await client.keyValueStores().getOrCreate('before')
    const store = client.keyValueStore(id)
    const renamed = await store.update({
      name: 'after',
      title: 'My title',
      generalAccess: 'ANYONE_WITH_ID_CAN_READ',
    })
    expect(renamed).toMatchObject({
      id,
      name: 'after',
      title: 'My title',
      generalAccess: 'ANYONE_WITH_ID_CAN_READ',
    })
    expect(await client.keyValueStore('owner/before').get()).toBeUndefined()
    expect((await client.keyValueStore('owner/after').get())?.id).toBe(id)
    expect(await store.update({ name: null })).toMatchObject({ id, name: null, title: 'My title' })
    expect((await client.keyValueStores().getOrCreate('after')).id).not.toBe(id)
  })

  it('refuses a name that is taken or invalid', async () => {
    const client = server.client()
    await client.keyValueStores().getOrCreate('taken')
    const { id } = await client.keyValueStores().getOrCreate()
    const rename = client.keyValueStore(id).update({ name: 'taken' })
    await expect(rename).rejects.toMatchObject({ statusCode: 409, type: 'name-not-unique' })
    const rule =
      "Invalid value provided in store: name can only contain letters 'a' through 'z', the " +
      "digits '0' through '9', and the hyphen ('-') but only in the middle of the string " +
      "(e.g. 'my-value-1'). "
    for (const name of ['under_score', '-a', 'a-', 'ä', 'a b', 'a/b', 'x'.repeat(64), '..']) {
      const open = client.keyValueStores().getOrCreate(name)
      await expect(open, name).rejects.toMatchObject({
        statusCode: 400,
        type: 'invalid-value',
        message: expect.stringContaining(rule),
      })
    }
    for (const name of ['a', 'A-1-b', 'x'.repeat(63)]) {
      expect((await client.keyValueStores().getOrCreate(name)).name).toBe(name)
    }
  })

  it('deletes a store with all its records, also twice', async () => {
    const client = server.client()
    const { id } = await client.keyValueStores().getOrCreate('to-be-deleted')
    const store = client.keyValueStore(id)
    await store.setRecord({ key: 'A', value: 1 })
    await store.delete()
    await store.delete()
    expect(await store.get()).toBeUndefined()
    expect(await store.getRecord('A')).toBeUndefined()
    await expect(store.setRecord({ key: 'A', value: 1 })).rejects.toMatchObject({
      statusCode: 404,
      type: 'record-not-found',
      message: 'Key-value Store was not found',
    })
    const again = await client.keyValueStores().getOrCreate('to-be-deleted')
    expect(await client.keyValueStore(again.id).getRecord('A')).toBeUndefined()
  })
})

describe.each(engines)('lists of stores through apify-client, on %s', (engine) => {
  const server = useTestServer({ engine })

  it('lists named stores or all stores, oldest or newest first, page by page', async () => {
    const stores = server.client().keyValueStores()
    const named: string[] = []
    for (const name of ['one', 'two', 'three']) named.push((await stores.getOrCreate(name)).id)
    const unnamed = (await stores.getOrCreate()).id
    const ids = async (options: object): Promise<string[]> =>
      (await stores.list(options)).items.map(({ id }) => id)
    expect(await ids({})).toEqual(named)
    expect(await ids({ desc: true })).toEqual([...named].reverse())
    expect(await ids({ unnamed: true })).toEqual([...named, unnamed])
    expect(await ids({ unnamed: true, desc: true, offset: 1, limit: 2 })).toEqual([
      named[2],
      named[1],
    ])
    expect(await ids({ ownership: 'ownedByMe' })).toEqual(named)
    expect(await ids({ ownership: 'sharedWithMe' })).toEqual([])
  })

  it('returns the number of stores on all pages, and clamps the limit', async () => {
    const stores = server.client().keyValueStores()
    const page = await stores.list({ unnamed: true, limit: 2, offset: 1 })
    expect(page).toMatchObject({ total: 4, offset: 1, limit: 2, count: 2, desc: false })
    expect(page.items).toHaveLength(2)
    expect((await stores.list({ limit: 5_000 })).limit).toBe(1_000)
    expect((await stores.list({ limit: 0 })).items).toHaveLength(3)
  })

  it('lists every store with stats, and with the older field of its size only if it has a size', async () => {
    const stores = server.client().keyValueStores()
    const [first] = (await stores.list()).items
    await server
      .client()
      .keyValueStore(first?.id ?? '')
      .setRecord({ key: 'A', value: 'four' })
    const counts = { readCount: 0, writeCount: 0, deleteCount: 0, listCount: 0 }
    const empty = { ...counts, storageBytes: 0 }
    expect((await stores.list()).items.map(({ stats }) => stats)).toEqual([
      { ...counts, writeCount: 1, storageBytes: 4, s3StorageBytes: 4 },
      empty,
      empty,
    ])
  })
})
