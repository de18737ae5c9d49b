import { request } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import {
  errorTypeOf,
  ownerRequests,
  type PlainReply,
  plainRequest,
} from '../../support/network/plain-request.ts'
import { engines, useTestServer } from '../../support/network/test-server.ts'

const dayMs = 86_400_000
const second = 1 / 86_400

interface StoreObject {
  readonly id: string
  readonly name: string | null
  readonly title: string | null
  readonly generalAccess: string
  readonly retention: unknown
  readonly expiresAt: string | null
  readonly modifiedAt: string
}

describe.each(engines)('settings of a store at the Apify door, on %s', (engine) => {
  const server = useTestServer({ engine })
  const ask = ownerRequests(server)
  const path = (id: string, rest = ''): string => `/v2/key-value-stores/${id}${rest}`
  const storeOf = ({ body }: PlainReply): StoreObject => JSON.parse(body.toString()).data
  const create = async (name?: string): Promise<string> =>
    (await server.client().keyValueStores().getOrCreate(name)).id
  const getStore = async (id: string): Promise<StoreObject> => storeOf(await ask(path(id)))
  const patch = (id: string, settings: unknown): Promise<PlainReply> =>
    ask(path(id), {
      method: 'PATCH',
      body: typeof settings === 'string' ? settings : JSON.stringify(settings),
      headers: { 'Content-Type': 'application/json' },
    })
  const put = (id: string, key: string, body: string): Promise<PlainReply> =>
    ask(path(id, `/records/${key}`), { method: 'PUT', body })

  describe('PATCH', () => {
    it('changes the named fields and returns the changed store', async () => {
      const id = await create(`patched-${engine}`)
      const first = await patch(id, { title: 'Title', generalAccess: 'RESTRICTED' })
      expect(first.status).toBe(200)
      expect(storeOf(first)).toMatchObject({ id, name: `patched-${engine}`, title: 'Title' })
      const second = storeOf(await patch(id, { name: 'renamed', title: null }))
      expect(second).toMatchObject({ name: 'renamed', title: null, generalAccess: 'RESTRICTED' })
      expect(await getStore(id)).toEqual(second)
      expect((await server.client().keyValueStore('~renamed').get())?.id).toBe(id)
    })

    it('without fields changes nothing', async () => {
      const id = await create()
      const before = await getStore(id)
      expect(storeOf(await patch(id, {}))).toEqual(before)
    })

    it.each<[unknown, unknown]>([
      [{ days: 30 }, { days: 30, renewOnRead: true, renewOnWrite: true, onExpiry: 'drop' }],
      [
        { days: 0.5, renewOnRead: false, renewOnWrite: false, onExpiry: 'clear' },
        { days: 0.5, renewOnRead: false, renewOnWrite: false, onExpiry: 'clear' },
      ],
      [{ days: 36_500 }, { days: 36_500, renewOnRead: true, renewOnWrite: true, onExpiry: 'drop' }],
      ['none', 'none'],
      ['default', 'default'],
    ])('gives a store the retention %j', async (retention, expected) => {
      const id = await create()
      const begin = Date.now()
      const patched = storeOf(await patch(id, { retention }))
      expect(patched.retention).toEqual(expected)
      const days = typeof expected === 'object' ? (expected as { days: number }).days : 7
      if (expected === 'none') expect(patched.expiresAt).toBeNull()
      else {
        const lifeMs = Date.parse(patched.expiresAt ?? '') - begin
        // The database's clock counts, which the server asked some milliseconds earlier.
        expect(lifeMs).toBeGreaterThan(days * dayMs - 1_000)
        expect(lifeMs).toBeLessThan(days * dayMs + 60_000)
      }
      expect(await getStore(id)).toEqual(patched)
    })

    it('returns when a store expires: never with a name, later again without one', async () => {
      const id = await create()
      expect((await getStore(id)).expiresAt).toMatch(/^\d{4}-.*Z$/)
      expect(storeOf(await patch(id, { name: `kept-${engine}` })).expiresAt).toBeNull()
      const retention = { days: 3 }
      expect(storeOf(await patch(id, { retention })).expiresAt).toBeNull()
      const unnamed = storeOf(await patch(id, { name: null }))
      expect(Date.parse(unnamed.expiresAt ?? '')).toBeGreaterThan(Date.now() + 2 * dayMs)
      expect(Date.parse(unnamed.expiresAt ?? '')).toBeLessThan(Date.now() + 4 * dayMs)
    })

    it.each<[string, unknown, string]>([
      ['invalid JSON', '{', 'invalid-request'],
      ['a list', [], 'invalid-request'],
      ['nothing at all', '', 'invalid-request'],
      ['a field that cannot be set', { id: 'x' }, 'invalid-value'],
      ['a misspelled field', { titel: 'x' }, 'invalid-value'],
      ['a prototype', '{"__proto__":{"title":"x"}}', 'invalid-value'],
      ['a name that is a number', { name: 1 }, 'invalid-value'],
      ['an invalid name', { name: '-' }, 'invalid-value'],
      ['an unknown access level', { generalAccess: 'ALL' }, 'invalid-value'],
      ['a retention that is null', { retention: null }, 'invalid-value'],
      ['a retention that is a number', { retention: 30 }, 'invalid-value'],
      ['a retention that is a list', { retention: [30] }, 'invalid-value'],
      ['a retention that is another word', { retention: 'forever' }, 'invalid-value'],
      ['a retention without days', { retention: {} }, 'invalid-value'],
      ['a retention in other units', { retention: { days: 1, hours: 1 } }, 'invalid-value'],
      ['days that are text', { retention: { days: '30' } }, 'invalid-value'],
      ['days that are null', { retention: { days: null } }, 'invalid-value'],
      ['zero days', { retention: { days: 0 } }, 'invalid-value'],
      ['negative days', { retention: { days: -1 } }, 'invalid-value'],
      ['too small a part of a day', { retention: { days: 1e-9 } }, 'invalid-value'],
      ['infinite days', '{"retention":{"days":1e400}}', 'invalid-value'],
      ['more days than a hundred years', { retention: { days: 36_501 } }, 'invalid-value'],
      [
        'a renewal that is not a boolean',
        { retention: { days: 1, renewOnRead: 1 } },
        'invalid-value',
      ],
      ['an unknown onExpiry', { retention: { days: 1, onExpiry: 'archive' } }, 'invalid-value'],
    ])('is refused with %s, and changes nothing', async (_, settings, type) => {
      const id = await create()
      const before = await getStore(id)
      const reply = await patch(id, settings)
      expect([reply.status, errorTypeOf(reply)]).toEqual([400, type])
      expect(await getStore(id)).toEqual(before)
    })

    it('changes all named fields or none', async () => {
      const id = await create()
      await create(`taken-${engine}`)
      for (const broken of [{ retention: { days: 0 } }, { name: `taken-${engine}` }]) {
        expect((await patch(id, { title: 'x', ...broken })).status).toBeOneOf([400, 409])
        expect(await getStore(id)).toMatchObject({ title: null, name: null })
      }
    })

    it('is for the owner only, even if everybody may read the store', async () => {
      const id = await create()
      await patch(id, { generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
      const asked = { method: 'PATCH', body: '{"title":"x"}' }
      const reply = await plainRequest(server.url() + path(id), asked)
      expect([reply.status, errorTypeOf(reply)]).toEqual([401, 'token-not-provided'])
      expect((await patch('AAAAAAAAAAAAAAAAA', { title: 'x' })).status).toBe(404)
    })

    const patchInTurns = (id: string, count: number): Promise<PlainReply>[] =>
      Array.from({ length: count }, (_, index) =>
        patch(id, index % 2 ? { title: `${index}` } : { retention: { days: index + 1 } }),
      )
    const statusesOf = (replies: readonly PlainReply[]): number[] =>
      [...new Set(replies.map(({ status }) => status))].toSorted()

    it('runs one after the other if many come at once, and loses none', async () => {
      const id = await create()
      expect(statusesOf(await Promise.all(patchInTurns(id, 50)))).toEqual([200])
      const { title, retention } = await getStore(id)
      expect(title).toMatch(/^\d*[13579]$/)
      expect(retention).toMatchObject({ days: expect.any(Number) })
    })

    it('loses no record that is written meanwhile, and none of its own changes', async () => {
      const id = await create()
      const puts = Array.from({ length: 60 }, (_, index) => put(id, `K${index}`, 'value'))
      const replies = await Promise.all([...puts, ...patchInTurns(id, 8)])
      expect(statusesOf(replies)).toEqual([200, 201])
      expect((await server.client().keyValueStore(id).listKeys()).items).toHaveLength(60)
      const { title, retention } = await getStore(id)
      expect([title, retention]).toEqual([
        expect.stringMatching(/^[1357]$/),
        expect.objectContaining({ days: expect.any(Number) }),
      ])
      await vi.waitFor(async () => {
        const stats = { writeCount: 60, storageBytes: 300 }
        expect((await server.client().keyValueStore(id).get())?.stats).toMatchObject(stats)
      })
    })

    it("does not affect Apify's client, and its settings survive a PUT", async () => {
      const id = await create()
      await patch(id, { retention: { days: 30 }, title: 'Title' })
      const store = server.client().keyValueStore(id)
      const updated = await store.update({ name: `updated-${engine}` })
      expect(updated).toMatchObject({ name: `updated-${engine}`, title: 'Title' })
      const sent = { method: 'PUT', body: '{"retention":{"days":10},"else":1}' }
      const headers = { 'Content-Type': 'application/json' }
      expect((await ask(path(id), { ...sent, headers })).status).toBe(200)
      expect(await getStore(id)).toMatchObject({ retention: { days: 10 } })
      await store.update({ name: null as never })
      expect((await store.get()) as object).toMatchObject({ expiresAt: expect.any(Date) })
    })
  })

  describe('the expiry of a retention', () => {
    const later = async (seconds: number, work: () => Promise<void>): Promise<void> => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1_000 })
      try {
        await work()
      } finally {
        vi.useRealTimers()
      }
    }

    it('drops the store', async () => {
      const id = await create()
      await put(id, 'K', 'value')
      await patch(id, { retention: { days: 10 * second } })
      await later(9, async () => expect((await ask(path(id))).status).toBe(200))
      await later(11, async () => expect((await ask(path(id))).status).toBe(404))
    })

    it('clears the store if requested', async () => {
      const id = await create()
      await put(id, 'K', 'value')
      await patch(id, { retention: { days: 10 * second, onExpiry: 'clear' } })
      await later(11, async () => {
        expect((await ask(path(id, '/records/K'))).status).toBe(404)
        const { expiresAt } = await getStore(id)
        expect(Date.parse(expiresAt ?? '')).toBeGreaterThan(Date.now() + 8_000)
      })
    })
  })

  describe('POST clear', () => {
    const clear = (id: string): Promise<PlainReply> => ask(path(id, '/clear'), { method: 'POST' })

    it('removes all records and keeps the store', async () => {
      const id = await create(`cleared-${engine}`)
      await patch(id, { title: 'Title', retention: { days: 3 } })
      const before = await getStore(id)
      for (const key of ['A', 'B']) await put(id, key, 'x'.repeat(5_000))
      const cleared = await clear(id)
      expect([cleared.status, cleared.body.length]).toEqual([204, 0])
      const store = server.client().keyValueStore(id)
      expect((await store.listKeys()).items).toEqual([])
      expect(await store.getRecord('A')).toBeUndefined()
      const { name, title, retention } = before
      const after = await getStore(id)
      expect(after).toMatchObject({ name, title, retention, stats: { storageBytes: 0 } })
      expect((await put(id, 'A', 'again')).status).toBe(201)
      expect((await store.getRecord('A', { buffer: true }))?.value.toString()).toBe('again')
    })

    it('refuses an upload that is running meanwhile', async () => {
      const id = await create()
      const url = server.url() + path(id, '/records/LARGE')
      const headers = { Authorization: `Bearer ${server.token()}` }
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const upload = request(url, { method: 'PUT', headers }, (reply) => {
        reply.resume()
        resolve(reply.statusCode ?? 0)
      })
      upload.on('error', reject)
      await new Promise((sent) => upload.write(Buffer.alloc(3_000_000), sent))
      // The first chunk needs a moment to arrive, and nothing shows from outside when it has.
      await new Promise((passed) => setTimeout(passed, 300))
      expect((await clear(id)).status).toBe(204)
      upload.end(Buffer.alloc(1_000))
      expect(await promise).toBe(409)
      expect((await server.client().keyValueStore(id).listKeys()).items).toEqual([])
    })

    it('needs the rights of a writer', async () => {
      const id = await create()
      await patch(id, { generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
      await put(id, 'A', 'kept')
      const reply = await plainRequest(server.url() + path(id, '/clear'), { method: 'POST' })
      expect([reply.status, errorTypeOf(reply)]).toEqual([401, 'token-not-provided'])
      expect((await ask(path(id, '/records/A'))).body.toString()).toBe('kept')
      expect((await clear('AAAAAAAAAAAAAAAAA')).status).toBe(404)
      expect((await ask(path(id, '/clear'))).status).toBe(405)
    })
  })

  it('are named in preflight replies, and logged no errors', async () => {
    const id = await create()
    const store = await ask(path(id), { method: 'OPTIONS' })
    const methods = 'access-control-allow-methods'
    expect(store.headers[methods]).toBe('OPTIONS,GET,PUT,PATCH,DELETE')
    const cleared = await ask(path(id, '/clear'), { method: 'OPTIONS' })
    expect(cleared.headers[methods]).toBe('OPTIONS,POST')
    expect(server.logged()).toEqual([])
  })
})
