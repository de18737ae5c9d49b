import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { happens, SlowDownload, SlowUpload } from './support/network/slow-transfer.ts'
import { wireEngines } from './support/network/test-server.ts'
import type { OwnToken, People, Person } from './support/people/people.ts'
import { useTestPeople } from './support/people/test-people.ts'

/** Much more than the socket buffers of a connection hold unread. */
const largeBytes = 20_000_000
/** The pause between the parts of a slow download: the whole takes some seconds. */
const pauseMs = 10

/** A caller, and how their right ends. */
interface Ending {
  readonly title: string
  readonly by: 'tool' | 'joe' | 'link' | 'nobody'
  /** The status that refuses an upload; undefined if the caller may only read. */
  readonly refusal?: number
  /** Whether the right ends for every caller. */
  readonly isForAll?: true
  readonly end: () => Promise<unknown>
}

/** The outcome of each transfer, by its name. */
type Outcomes = Record<string, unknown>

describe.each(wireEngines)('a transfer that is open when its right ends, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')
  const large = randomBytes(largeBytes)
  let joe: Person
  let tool: OwnToken
  let storeId = ''
  let count = 0

  beforeAll(async () => {
    storeId = (await server.client(jane).keyValueStores().getOrCreate('store')).id
    await fill()
  })

  const path = (part = ''): string => `/v2/key-value-stores/${storeId}${part}`
  const ask = (method: string, part: string, json?: unknown): ReturnType<People['remote']['do']> =>
    people.remote.do(path(part), { method, token: jane.token, json })

  async function fill(): Promise<void> {
    const asked = { method: 'PUT', token: jane.token }
    await people.remote.do(path('/records/LARGE'), { ...asked, body: large })
    await people.remote.do(path('/records/KEPT'), { ...asked, body: 'kept' })
  }

  async function prepare(): Promise<void> {
    count += 1
    joe = await people.create(`joe-${count}`)
    tool = await people.createToken(jane, { action: 'write' })
    await people.share(jane, storeId, { [joe.username]: 'write' })
  }

  const endings: readonly Ending[] = [
    {
      title: 'a token is revoked',
      by: 'tool',
      refusal: 401,
      end: () => people.revoke(jane, tool),
    },
    {
      title: 'a user is disabled',
      by: 'joe',
      refusal: 401,
      end: () => people.disable(joe),
    },
    {
      title: 'a share is taken back',
      by: 'joe',
      refusal: 403,
      end: () => people.share(jane, storeId, { [joe.username]: null }),
    },
    {
      title: 'the secret of links is replaced',
      by: 'link',
      end: () => ask('POST', '/signing-secret'),
    },
    {
      title: 'a public store is restricted',
      by: 'nobody',
      end: () => ask('PATCH', '', { generalAccess: 'RESTRICTED' }),
    },
    {
      title: 'the store is dropped',
      by: 'tool',
      refusal: 404,
      isForAll: true,
      end: () => ask('DELETE', ''),
    },
  ]

  /** A path of the store, with the credentials of a caller. */
  async function targetOf(
    by: Ending['by'],
    part: string,
  ): Promise<{ url: string; path: string; token?: string }> {
    const target = { url: server.url(), path: path(part) }
    if (by === 'tool') return { ...target, token: tool.token }
    if (by === 'joe') return { ...target, token: joe.token }
    if (by === 'link') return { ...target, path: path(part) + (await signatureFor(part)) }
    await ask('PATCH', '', { generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    return target
  }

  async function signatureFor(part: string): Promise<string> {
    const store = server.client(jane).keyValueStore(storeId)
    const isRecord = part.startsWith('/records/')
    const url = isRecord ? store.getRecordPublicUrl('LARGE') : store.createKeysPublicUrl()
    return new URL(await url).search
  }

  /**
   * Begins downloads of two kinds, each once read slowly and once not at all. The function that it
   * returns gives their outcomes after the right has ended.
   */
  async function beginDownloads(by: Ending['by']): Promise<() => Promise<Outcomes>> {
    const begun = new Map<string, SlowDownload>()
    const ends = new Map<string, Promise<unknown>>()
    for (const part of ['/records/LARGE', '/records']) {
      for (const way of ['standing still', 'reading on']) {
        const download = await SlowDownload.begin(await targetOf(by, part))
        expect(download.status).toBe(200)
        const name = `${part}, ${way}`
        begun.set(name, download)
        ends.set(name, way === 'reading on' ? download.drain({ pauseMs }) : download.closed())
      }
    }
    return async () => {
      const outcomes: Outcomes = {}
      for (const [name, end] of ends) {
        const isOver = await happens(end)
        outcomes[name] = isOver ? begun.get(name)?.isWhole && 'whole' : 'still open'
        begun.get(name)?.abort()
      }
      return outcomes
    }
  }

  const uploads = [
    { name: 'short', size: 1_000, sent: 10 },
    { name: 'long, hardly begun', size: 5_000_000, sent: 10 },
    { name: 'long, half way', size: 5_000_000, sent: 2_500_000 },
  ]

  /** Begins uploads of new and old records; the returned function gives their final statuses. */
  async function beginUploads(by: Ending['by']): Promise<() => Promise<Outcomes>> {
    const begun = new Map<string, SlowUpload>()
    for (const { name, size, sent } of uploads) {
      for (const key of ['KEPT', `NEW-${begun.size}`]) {
        const target = await targetOf(by, `/records/${key}`)
        const upload = await SlowUpload.begin(target, large.subarray(0, size), { sent })
        begun.set(`${name}: ${key}`, upload)
      }
    }
    return async () => {
      const outcomes: Outcomes = {}
      for (const [name, upload] of begun) {
        const isTold = await happens(upload.status)
        // The server reads the rest of a short upload, so that the connection can serve again.
        const isOver = name.startsWith('short') || (await happens(upload.closed))
        outcomes[name] = isTold && isOver ? await upload.status : 'still open'
        upload.abort()
      }
      return outcomes
    }
  }

  it.each(endings)('ends because $title', async ({ by, refusal, isForAll, end }) => {
    await prepare()
    const downloads = await beginDownloads(by)
    const uploaded = refusal === undefined ? undefined : await beginUploads(by)
    await end()
    expect(new Set(Object.values(await downloads()))).toEqual(new Set([false]))
    if (uploaded) expect(new Set(Object.values(await uploaded()))).toEqual(new Set([refusal]))
    if (isForAll) {
      expect((await people.remote.send(path(), { token: jane.token })).status).toBe(404)
      storeId = (await server.client(jane).keyValueStores().getOrCreate('store')).id
      await fill()
    }
    const { items } = (await ask('GET', '/keys')).data
    expect(items.map(({ key }: { key: string }) => key)).toEqual(['KEPT', 'LARGE'])
    const kept = await people.remote.send(path('/records/KEPT'), { token: jane.token })
    expect(kept.text).toBe('kept')
  })

  it.each(endings.filter(({ isForAll }) => !isForAll))(
    'goes on for callers who keep their right when $title',
    async ({ by, end }) => {
      await prepare()
      const owners = { url: server.url(), token: jane.token }
      const download = await SlowDownload.begin({ ...owners, path: path('/records/LARGE') })
      const upload = await SlowUpload.begin(
        { ...owners, path: path('/records/BY-JANE') },
        large.subarray(0, 3_000_000),
        { sent: 1_500_000 },
      )
      const going = await SlowDownload.begin(await targetOf(by, '/records/LARGE'))
      const closed = going.closed()
      await end()
      expect(await happens(closed)).toBe(true)
      expect((await download.finish()).equals(large)).toBe(true)
      expect(await upload.finish()).toBe(201)
      await ask('DELETE', '/records/BY-JANE')
    },
  )

  it("ends for a reader of a store that follows its owner's setting, if the owner restricts it", async () => {
    await prepare()
    const setAccess = (generalAccess: string): Promise<unknown> =>
      people.remote.do('/coatcheck/v1/me', {
        method: 'PATCH',
        token: jane.token,
        json: { generalAccess },
      })
    await ask('PATCH', '', { generalAccess: 'FOLLOW_USER_SETTING' })
    await setAccess('ANYONE_WITH_ID_CAN_READ')
    const target = { url: server.url(), path: path('/records/LARGE') }
    const download = await SlowDownload.begin(target)
    expect(download.status).toBe(200)
    const closed = download.closed()
    await setAccess('RESTRICTED')
    expect(await happens(closed)).toBe(true)
    expect(download.isWhole).toBe(false)
  })

  it('ends when the token expires', async () => {
    await prepare()
    const expiresInDays = 3 / 86_400
    const { data } = await people.remote.do('/coatcheck/v1/tokens', {
      method: 'POST',
      token: jane.token,
      json: { expiresInDays },
    })
    const target = { url: server.url(), token: data.token }
    const download = await SlowDownload.begin({ ...target, path: path('/records/LARGE') })
    const upload = await SlowUpload.begin({ ...target, path: path('/records/KEPT') }, large, {
      sent: 10,
    })
    const closed = download.closed()
    expect(await happens(closed)).toBe(true)
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(data.expiresAt))
    expect(await upload.status).toBe(401)
  })

  it.each([
    { method: 'PATCH', part: '', json: '{"title":"changed"}' },
    { method: 'PATCH', part: '/access', json: '{"generalAccess":"ANYONE_WITH_NAME_CAN_READ"}' },
    { method: 'POST', part: '/delete-records', json: '{"prefix":"KEPT"}' },
    { method: 'POST', part: '/move', json: '{"from":"KEPT","to":"LARGE","overwrite":true}' },
  ])('ends while $method $part still sends its body', async ({ method, part, json }) => {
    await prepare()
    const wide = await people.createToken(jane, {})
    const target = { url: server.url(), token: wide.token, path: path(part) }
    const contentType = 'application/json'
    const body = Buffer.from(json)
    const call = await SlowUpload.begin({ ...target, method, contentType }, body, { sent: 5 })
    await people.revoke(jane, wide)
    const { status } = call
    expect(await happens(status)).toBe(true)
    expect(await status).toBe(401)
    const { title, generalAccess } = (await ask('GET', '')).data
    expect([title, generalAccess]).not.toContain('changed')
    expect(generalAccess).not.toBe('ANYONE_WITH_NAME_CAN_READ')
    expect((await ask('GET', '/keys')).data.count).toBe(2)
    call.abort()
  })

  it('ends before the schema check of a record', async () => {
    const schema = {
      actorKeyValueStoreSchemaVersion: 1,
      title: 'Checked',
      collections: {
        all: {
          title: 'All',
          keyPrefix: 'A',
          contentTypes: ['application/json'],
          jsonSchema: { type: 'object' },
        },
      },
    }
    const { data } = await people.remote.do('/v2/key-value-stores?name=checked', {
      method: 'POST',
      token: jane.token,
      json: { schema },
    })
    await prepare()
    const record = `/v2/key-value-stores/${data.id}/records/A`
    const target = { url: server.url(), token: tool.token, path: record }
    const contentType = 'application/json'
    const upload = await SlowUpload.begin({ ...target, contentType }, Buffer.from('{"a":1}'), {
      sent: 3,
    })
    await people.revoke(jane, tool)
    const { status } = upload
    expect(await happens(status)).toBe(true)
    expect(await status).toBe(401)
    expect((await people.remote.send(record, { token: jane.token })).status).toBe(404)
    upload.abort()
  })

  it('is not logged as an error of the server', () => {
    expect(server.logged()).toEqual([])
  })
})
