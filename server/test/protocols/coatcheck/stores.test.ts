import { beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../support/network/remote.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

describe.each(engines)('the rows of stores, on %s', (engine) => {
  const { server, people, jane, joe } = useTestPeople({ engine }, 'jane', 'joe')
  const ids: Record<string, string> = {}

  const rows = async (query = '', token = jane.token): Promise<Json> =>
    (await people.remote.do(`/coatcheck/v1/stores${query}`, { token })).data
  const namesOf = ({ items }: Json): string[] => {
    const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]))
    return items.map(({ id }: Json) => names.get(id))
  }

  beforeAll(async () => {
    const janes = server.client(jane).keyValueStores()
    const put = async (name: string, id: string, values: readonly string[]): Promise<void> => {
      ids[name] = id
      const store = server.client(jane).keyValueStore(id)
      for (const [at, value] of values.entries()) {
        await store.setRecord({ key: `k${at}`, value, contentType: 'text/plain' })
      }
    }
    await put('beta', (await janes.getOrCreate('beta')).id, ['xxxx', 'xxxx'])
    await put('Alpha', (await janes.getOrCreate('Alpha')).id, ['x', 'x', 'x'])
    await put('unnamed', (await janes.getOrCreate()).id, ['xxxxxxxxxxxx'])
    const project = await people.remote.do('/applab/projects', {
      method: 'POST',
      token: jane.token,
      json: { name: 'Game' },
    })
    ids.game = project.data.storeId
    ids.joes = (await server.client(joe).keyValueStores().getOrCreate('joes')).id
    await people.share(joe, ids.joes, { jane: 'write' })
  })

  it('are those of the caller and those shared with the caller, with what they hold', async () => {
    const found = await rows('?sort=name')
    expect(namesOf(found)).toEqual(['Alpha', 'beta', 'game', 'joes'])
    expect(found).toMatchObject({ total: 4, hiddenUnnamed: 1, isTruncated: false, nextAfter: null })
    const [alpha, beta, game, shared] = found.items
    expect(alpha).toEqual({
      id: ids.Alpha,
      name: 'Alpha',
      title: null,
      userId: jane.id,
      username: 'jane',
      createdAt: expect.stringMatching(/Z$/),
      modifiedAt: expect.stringMatching(/Z$/),
      accessedAt: expect.stringMatching(/Z$/),
      expiresAt: null,
      recordCount: 3,
      storageBytes: 3,
      kind: 'store',
      access: 'manage',
      generalAccess: 'FOLLOW_USER_SETTING',
      channelId: null,
    })
    expect(beta).toMatchObject({ recordCount: 2, storageBytes: 8 })
    expect(game).toMatchObject({ kind: 'project', channelId: expect.stringMatching(/./) })
    expect(shared).toMatchObject({ username: 'joe', access: 'write' })
  })

  it('include unnamed ones on request, which expire', async () => {
    const found = await rows('?unnamed=1&sort=expires')
    expect(namesOf(found)[0]).toBe('unnamed')
    expect(found).toMatchObject({ total: 5, hiddenUnnamed: 0 })
    expect(Date.parse(found.items[0].expiresAt)).toBeGreaterThan(Date.now())
  })

  it('come in each order, and turned, page by page', async () => {
    for (const [sort, expected] of [
      ['records', ['game', 'joes', 'unnamed', 'beta', 'Alpha']],
      ['size', ['game', 'joes', 'Alpha', 'beta', 'unnamed']],
      ['created', ['beta', 'Alpha', 'unnamed', 'game', 'joes']],
      [
        'id',
        Object.entries(ids)
          .sort(([, a], [, b]) => (a < b ? -1 : 1))
          .map(([name]) => name),
      ],
    ] as const) {
      // Equal values come in the order of ids, which are random.
      const ofEqual = (names: readonly string[]): unknown =>
        sort === 'id' || sort === 'created' ? names : [names.slice(0, 2).toSorted(), names.slice(2)]
      const all = namesOf(await rows(`?unnamed=1&sort=${sort}`))
      expect(ofEqual(all)).toEqual(ofEqual(expected))
      expect(namesOf(await rows(`?unnamed=1&sort=${sort}&desc=1`))).toEqual(all.toReversed())
      const paged: string[] = []
      for (let after: string | null = ''; after !== null; ) {
        const page: Json = await rows(
          `?unnamed=1&sort=${sort}&limit=2${after && `&after=${encodeURIComponent(after)}`}`,
        )
        paged.push(...namesOf(page))
        expect(page.total).toBe(5)
        after = page.nextAfter
      }
      expect(paged).toEqual(all)
    }
  })

  it('are narrowed by text and kind', async () => {
    expect(namesOf(await rows('?q=ALPH'))).toEqual(['Alpha'])
    expect(namesOf(await rows(`?unnamed=1&q=${ids.unnamed}`))).toEqual(['unnamed'])
    expect(namesOf(await rows('?kind=project'))).toEqual(['game'])
    expect(await rows('?kind=session')).toMatchObject({ items: [], total: 0 })
  })

  it('are one row for a token of one store, with what the token may do', async () => {
    const json = { action: 'read', storeId: ids.beta, keyPrefix: 'k' }
    const asked = { method: 'POST', token: jane.token, json }
    const { data } = await people.remote.do('/coatcheck/v1/tokens', asked)
    const found = await rows('', data.token)
    expect(namesOf(found)).toEqual(['beta'])
    expect(found.items[0]).toMatchObject({ access: 'read', channelId: null })
  })

  it.each(['kind=x', 'sort=x', 'after=x', 'after=WzEsMl0'])('refuse %s', async (query) => {
    const { status } = await people.remote.send(`/coatcheck/v1/stores?${query}`, {
      token: jane.token,
    })
    expect(status).toBe(400)
  })
})
