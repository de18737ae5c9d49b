import { describe, expect, it, vi } from 'vitest'
import {
  type DataCommands,
  longSuitePlaces,
  openPlace,
  type Place,
} from './support/data/data-commands.ts'
import { Client, errorTypeOf } from './support/network/client.ts'
import type { Finished } from './support/processes/command.ts'
import type { OwnServer } from './support/processes/own-server.ts'

// Each place is a server, or a folder with its own data.
vi.setConfig({ testTimeout: 120_000 })

const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

/** A folder with stores of two users. */
interface Stores {
  readonly commands: DataCommands
  readonly server: OwnServer
  readonly jane: string
  /** Jane's store `photos`, her `both` and her unnamed one; the owner's `both`. */
  readonly ids: { photos: string; both: string; unnamed: string; ownBoth: string }
}

describe.each(longSuitePlaces)('coatcheck store, with %s', (place) => {
  it('lists the stores of all users, of one user, or with a text in the name or id', async () => {
    const { commands, ids } = await openStores(place)
    const idsOf = async (...words: readonly string[]): Promise<unknown[]> =>
      (await commands.rows('store', 'list', ...words)).map(([id]) => id).toSorted()
    expect(await idsOf()).toEqual(Object.values(ids).toSorted())
    expect(await idsOf('--user', 'owner')).toEqual([ids.ownBoth])
    expect(await idsOf('HOTO')).toEqual([ids.photos])
    expect(await idsOf(ids.unnamed.slice(0, 8))).toEqual([ids.unnamed])
    expect(await idsOf('nothing')).toEqual([])
    const [photos] = await commands.rows('store', 'list', 'photos')
    expect(photos).toEqual([ids.photos, 'jane', 'photos', '3', '12', isoTime, '-', '-'])
  })

  it('shows a store by its id, by its owner and name, or by a unique name', async () => {
    const { commands, ids } = await openStores(place)
    for (const address of [ids.photos, 'jane~photos', 'photos']) {
      const facts = Object.fromEntries(await commands.rows('store', 'show', address))
      expect(facts).toMatchObject({
        store: 'jane~photos',
        id: ids.photos,
        owner: 'jane',
        records: '3',
        size: '12',
        'general access': 'FOLLOW_USER_SETTING',
        'effective access': 'RESTRICTED',
        'shared with': '-',
      })
    }
    const unnamed = Object.fromEntries(await commands.rows('store', 'show', ids.unnamed))
    expect(unnamed).toMatchObject({ store: ids.unnamed, name: '-', expires: isoTime })
  })

  it('renames a store of another user, and removes its name', async () => {
    const { commands, ids } = await openStores(place)
    const out = await commands.out('store', 'rename', 'photos', 'pictures')
    expect(out).toBe('The store jane~photos is jane~pictures now.\n')
    expect(await commands.json('store', 'show', 'pictures')).toMatchObject({ id: ids.photos })
    const unnamed = await commands.json('store', 'rename', 'pictures', '--unname')
    expect(unnamed).toMatchObject({ id: ids.photos, name: null, expiresAt: isoTime })
    for (const name of ['Not a name', 'both']) {
      const { code, stderr } = await commands.run('store', 'rename', ids.photos, name)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^coatcheck: [^\n]+\.\n$/)
    }
  })

  it('shares a store of another user', async () => {
    const { commands, ids } = await openStores(place)
    await commands.out('user', 'add', 'joe')
    const shared = await commands.out('store', 'share', 'photos', 'joe', 'write')
    expect(shared).toBe('The store jane~photos is now shared (write) with joe.\n')
    const access = await commands.json('store', 'access', 'photos', 'id')
    expect(access).toEqual({
      storeId: ids.photos,
      owner: { userId: expect.any(String), username: 'jane' },
      generalAccess: 'ANYONE_WITH_ID_CAN_READ',
      effectiveAccess: 'ANYONE_WITH_ID_CAN_READ',
      shares: [{ userId: expect.any(String), username: 'joe', action: 'write' }],
    })
    const facts = Object.fromEntries(await commands.rows('store', 'show', 'photos'))
    expect(facts).toMatchObject({ 'shared with': 'joe: write' })
    const ended = await commands.out('store', 'share', 'photos', 'joe', 'none')
    expect(ended).toBe('The store jane~photos is no longer shared with joe.\n')
    expect(await commands.json('store', 'access', 'photos', 'restricted')).toMatchObject({
      shares: [],
    })
    const refused = await commands.run('store', 'share', 'photos', 'jane', 'read')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/cannot be shared with its owner/)
  })

  it('deletes records by their plain keys, and by a key prefix', async () => {
    const { commands } = await openStores(place)
    const byKey = await commands.out('store', 'delete-keys', 'photos', '100%25', 'none', '--yes')
    expect(byKey).toBe('Deleted records of jane~photos: 1\n')
    const prefix = ['--prefix', 'a ', '--yes']
    expect(await commands.json('store', 'delete-keys', 'photos', ...prefix)).toEqual({
      deletedCount: 1,
    })
    const left = await commands.json('store', 'delete-keys', 'photos', '--yes', '--', '-dash')
    expect(left).toEqual({ deletedCount: 1 })
    const [photos] = await commands.rows('store', 'list', 'photos')
    expect(photos?.[3]).toBe('0')
  })

  it('clears and deletes a store with --yes without a question', async () => {
    const { commands, ids } = await openStores(place)
    const cleared = await commands.out('store', 'clear', 'photos', '--yes')
    expect(cleared).toBe('The store jane~photos was cleared.\n')
    expect((await commands.rows('store', 'list', 'photos'))[0]?.[3]).toBe('0')
    expect(await commands.json('store', 'clear', 'photos', '--yes')).toBeNull()
    const deleted = await commands.out('store', 'delete', 'photos', '--yes')
    expect(deleted).toBe('The store jane~photos was deleted.\n')
    expect(await commands.rows('store', 'list', 'photos')).toEqual([])
    expect(await commands.json('store', 'delete', ids.unnamed, '--yes')).toBeNull()
  })

  it('shows the history of a store and its records, and who did what', async () => {
    const { commands } = await openStores(place)
    await commands.out('store', 'rename', 'photos', 'pictures')
    await commands
      .out('store', 'delete-keys', 'pictures', '-y', '--yes', '--', '-dash')
      .catch(() => 0)
    await commands.out('store', 'delete-keys', 'pictures', '--yes', '--', '-dash')
    const rows = await commands.rows('store', 'history', 'pictures')
    expect(rows.map((row) => row.slice(1, 6))).toEqual([
      ['owner', 'cli', 'record-deleted', '-dash', '-'],
      ['owner', 'cli', 'store-changed', 'photos', '-'],
      ['jane', 'apify', 'record-put', '-dash', '3'],
      ['jane', 'apify', 'record-put', '100%25', '4'],
      ['jane', 'apify', 'record-put', 'a b', '5'],
      ['jane', 'apify', 'store-created', 'photos', '-'],
    ])
    const { items, nextBefore } = await commands.json(
      'store',
      'history',
      'pictures',
      '--limit',
      '1',
    )
    expect(items).toMatchObject([{ action: 'record-deleted', subject: '-dash', door: 'cli' }])
    expect(nextBefore).toBe(items[0].revision)
  })
})

describe('coatcheck store', () => {
  it('asks which of several stores with one name is meant, and suggests similar names', async () => {
    const { commands, ids } = await openStores('a running server')
    const several = await commands.run('store', 'show', 'both')
    expect({ code: several.code, stdout: several.stdout }).toEqual({ code: 1, stdout: '' })
    expect(several.stderr).toBe(
      `coatcheck: Several stores are named both: owner~both (${ids.ownBoth}), ` +
        `jane~both (${ids.both}). Use one of these.\n`,
    )
    const hint = `Did you mean one of these: jane~photos (${ids.photos})?`
    for (const address of ['hot', 'owner~photos']) {
      const { code, stderr } = await commands.run('store', 'show', address)
      expect(code).toBe(1)
      expect(stderr).toBe(`coatcheck: There is no store ${address}. ${hint}\n`)
    }
    for (const address of ['nothing', 'nobody~nothing', '..', 'a/b', 'x'.repeat(17)]) {
      const { code, stderr } = await commands.run('store', 'show', address)
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: `coatcheck: There is no store ${address}.\n`,
      })
    }
  })

  it('finds a store whose name could be an id', async () => {
    const { commands, ids } = await openStores('a running server')
    const name = 'abcdefghijklmnopq'
    await commands.out('store', 'rename', 'photos', name)
    expect(await commands.json('store', 'show', name)).toMatchObject({ id: ids.photos, name })
  })

  it.each([
    ['restricted', 'RESTRICTED'],
    ['id', 'ANYONE_WITH_ID_CAN_READ'],
    ['name', 'ANYONE_WITH_NAME_CAN_READ'],
    ['follow', 'FOLLOW_USER_SETTING'],
    ['ANYONE_WITH_NAME_CAN_READ', 'ANYONE_WITH_NAME_CAN_READ'],
  ])('sets the general access by the word %s', async (word, generalAccess) => {
    const { commands } = await openStores('a running server')
    const access = await commands.json('store', 'access', 'photos', word)
    expect(access).toMatchObject({ generalAccess })
  })

  it.each([
    ['clear', []],
    ['delete', []],
    ['delete-keys', ['--prefix', '']],
  ])('does not %s without --yes if there is no terminal to ask on', async (verb, words) => {
    const { commands, ids } = await openStores('a running server')
    const { code, stdout, stderr } = await commands.run('store', verb, 'photos', ...words)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^coatcheck: [^\n]+ needs --yes [^\n]+\.\nUsage: coatcheck store /)
    expect((await commands.rows('store', 'list', ids.photos))[0]?.[3]).toBe('3')
  })

  it('makes signed links invalid', async () => {
    const { commands } = await openStores('a running server')
    const before = await commands.json('store', 'show', 'photos')
    const out = await commands.out('store', 'reset-links', 'photos')
    expect(out).toBe('All signed links of the store jane~photos are now invalid.\n')
    const after = await commands.json('store', 'show', 'photos')
    expect(after.urlSigningSecretKey).not.toBe(before.urlSigningSecretKey)
  })
})

it('commands print the same with a server and with a folder that nobody serves', async () => {
  const env = { COATCHECK_PUBLIC_URL: 'https://store.example' }
  const { commands, server, ids } = await openStores('a running server', env)
  // Links of a public store have no signature; a signature changes every hour.
  await commands.out('store', 'access', 'photos', 'name')
  const asked = [
    ['user', 'list'],
    ['token', 'list'],
    ['token', 'list', '--user', 'jane'],
    ['store', 'list'],
    ['store', 'list', 'both'],
    ['store', 'show', 'photos'],
    ['store', 'history', ids.photos],
    ['audit', '--user', 'jane'],
    ['audit', '--limit', '1'],
    ['store', 'show', 'both'],
    ['store', 'show', 'nothing'],
  ]
  const askAll = async (): Promise<Finished[]> => {
    const ends: Finished[] = []
    for (const words of asked) {
      ends.push(await commands.run(...words), await commands.run(...words, '--json'))
    }
    return ends
  }
  const served = await askAll()
  await server.stop()
  const unserved = await askAll()
  expect(unserved).toEqual(served)
  expect(served.map(({ code }) => code)).toEqual(
    asked.flatMap((_, at) => (at < 9 ? [0, 0] : [1, 1])),
  )
})

it('a change to a store by a command applies to a running server at once', async () => {
  const { commands, server, jane, ids } = await openStores('a running server')
  const client = new Client({ url: server.url, token: jane })
  const path = `/v2/key-value-stores/${ids.photos}`
  expect((await client.send({ method: 'GET', path })).status).toBe(200)
  await commands.out('store', 'delete', ids.photos, '--yes')
  const gone = await client.send({ method: 'GET', path })
  client.close()
  expect([gone.status, errorTypeOf(gone)]).toEqual([404, 'record-not-found'])
})

async function openStores(
  place: Place,
  env: Readonly<Record<string, string>> = {},
): Promise<Stores> {
  const { commands, server } = await openPlace('a running server', { env })
  const jane = (await commands.out('user', 'add', 'jane')).trim()
  const [hers, own] = [jane, server.token].map((token) => new Client({ url: server.url, token }))
  if (!hers || !own) throw new Error('Both users must have a token.')
  const { address: photos } = await hers.openStore('photos')
  for (const [key, value] of [
    ['a b', '12345'],
    ['100%25', '1234'],
    ['-dash', '123'],
  ]) {
    const query = new URLSearchParams({ key: key ?? '' })
    const path = `/v2/key-value-stores/${photos}/record?${query}`
    await hers.send({ method: 'PUT', path, body: value ?? '' })
  }
  const { address: both } = await hers.openStore('both')
  const { address: ownBoth } = await own.openStore('both')
  const reply = await hers.send({ method: 'POST', path: '/v2/key-value-stores' })
  const unnamed = JSON.parse(reply.body.toString()).data.id
  hers.close()
  own.close()
  if (place === 'a folder that nobody serves') await server.stop()
  return { commands, server, jane, ids: { photos, both, unnamed, ownBoth } }
}
