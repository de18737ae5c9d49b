import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { day, minute, second } from '../src/core/testing/times.ts'
import { check } from '../src/core/upkeep/check.ts'
import { type Neighbour, useSeveralServers } from './support/data/several-servers.ts'
import { sharedEngines } from './support/data/shared-data.ts'
import { stampValue } from './support/load/stamped-value.ts'
import { openSocket } from './support/network/nemesis-session.ts'
import { errorTypeOf, plainRequest } from './support/network/plain-request.ts'
import { Remote } from './support/network/remote.ts'
import { happens, SlowDownload, SlowUpload } from './support/network/slow-transfer.ts'
import { type OwnToken, People, type Person } from './support/people/people.ts'

/** Much more than the socket buffers of a connection hold unread. */
const largeBytes = 40_000_000
const lookAgainMs = 20

/** How one server ends a right. */
interface Ending {
  readonly title: string
  readonly by: 'tool' | 'joe'
  /** The status with which the other server refuses the caller afterwards. */
  readonly refusal: number
  /** Whether the caller may not even connect any more. */
  readonly isForAll: boolean
  readonly end: () => Promise<unknown>
}

describe.each(sharedEngines)('rights on two servers, on %s', (engine) => {
  const servers = useSeveralServers(engine)
  const large = stampValue({ key: 'LARGE', number: 1 }, largeBytes)
  /** Manages users through the first server; the users use the other one. */
  let people: People
  let other: Remote
  let jane: Person
  let joe: Person
  let tool: OwnToken
  let storeId = ''

  beforeAll(async () => {
    people = new People({ url: servers().at(0).url, token: servers().token })
    other = new Remote(servers().at(1).url)
    jane = await people.create('jane')
    const asked = { method: 'POST', token: jane.token }
    storeId = (await other.do('/v2/key-value-stores?name=store', asked)).data.id
    const put = { method: 'PUT', token: jane.token, body: large }
    await other.do(path('/records/LARGE'), put)
  })

  const path = (part = ''): string => `/v2/key-value-stores/${storeId}${part}`
  const tokenOf = (by: Ending['by']): string => (by === 'tool' ? tool.token : joe.token)

  const endings: readonly Ending[] = [
    {
      title: 'a token is revoked',
      by: 'tool',
      refusal: 401,
      isForAll: true,
      end: () => people.revoke(jane, tool),
    },
    {
      title: 'a user is disabled',
      by: 'joe',
      refusal: 401,
      isForAll: true,
      end: () => people.disable(joe),
    },
    {
      title: 'a share is taken back',
      by: 'joe',
      refusal: 403,
      isForAll: false,
      end: () => people.share(jane, storeId, { [joe.username]: null }),
    },
  ]

  it.each(endings)('apply on the other server too, and end there when $title', async (ending) => {
    joe = await people.create(`joe-${endings.indexOf(ending)}`)
    tool = await people.createToken(jane, { action: 'write' })
    await people.share(jane, storeId, { [joe.username]: 'write' })
    const token = tokenOf(ending.by)
    const { url, nemesisUrl } = servers().at(1)
    const keys = async (): Promise<number> => (await other.send(path('/keys'), { token })).status
    expect(await keys()).toBe(200)
    const target = { url, token, path: path('/records/LARGE') }
    const standing = (await SlowDownload.begin(target)).closed()
    const reading = (await SlowDownload.begin(target)).drain({ pauseMs: 10 })
    const upload = await SlowUpload.begin({ url, token, path: path('/records/NEW') }, large, {
      sent: 2_500_000,
    })
    const headers = { Authorization: `Bearer ${token}` }
    const socket = await openSocket(nemesisUrl, { headers })
    expect(await socket.command('SH_INFO_ALL', {})).toHaveProperty('totalKeys')
    await ending.end()
    expect(await happens(standing)).toBe(true)
    expect(await happens(reading)).toBe(true)
    expect(await reading).toBeLessThan(largeBytes)
    expect(await happens(upload.status)).toBe(true)
    expect(await upload.status).toBe(ending.refusal)
    expect(await happens(until(async () => (await keys()) === ending.refusal))).toBe(true)
    if (ending.isForAll) expect((await socket.closed).code).toBe(1008)
    expect((await other.send(path('/records/NEW'), { token: jane.token })).status).toBe(404)
    upload.abort()
  })

  it('that one server gives apply on the other one at once', async () => {
    const late = await people.create('late')
    expect((await other.send('/coatcheck/v1/me', { token: late.token })).status).toBe(200)
    expect((await other.send(path(), { token: late.token })).status).toBe(403)
    await people.share(jane, storeId, { late: 'read' })
    expect((await other.send(path(), { token: late.token })).status).toBe(200)
  })

  it('to guess tokens are counted by each server separately', async () => {
    const guess = async (index: number): Promise<unknown> => {
      const headers = { Authorization: 'Bearer somebody-made-this-up' }
      const reply = await plainRequest(`${servers().at(index).url}/v2/users/me`, { headers })
      return errorTypeOf(reply)
    }
    for (let time = 0; time < 20; time += 1) expect(await guess(0)).toBe('user-or-token-not-found')
    expect(await guess(0)).toBe('rate-limit-exceeded')
    expect(await guess(1)).toBe('user-or-token-not-found')
  })
})

describe.each(sharedEngines)('sessions and stores on two servers, on %s', (engine) => {
  const servers = useSeveralServers(engine)

  let neighbour: Neighbour
  beforeAll(async () => {
    neighbour = await servers().openNeighbour()
  })

  const statusAt = async (index: number, path: string): Promise<number> => {
    const remote = new Remote(servers().at(index).url)
    return (await remote.send(path, { token: servers().token })).status
  }

  /**
   * Waits until a use of the store is written. The server writes it in the background within
   * moments, but the clock of this test moves on by days.
   */
  async function written(storeId: string, ttlMs: number): Promise<void> {
    const store = await neighbour.stores.find(storeId)
    const isWritten = async (): Promise<boolean> =>
      ((await store.info()).expiresAt ?? 0) > servers().now() + ttlMs - minute / 2
    await until(isWritten)
  }

  it('a session can be opened, used and ended through either server', async () => {
    const [one, other] = [
      await openSocket(servers().at(0).nemesisUrl),
      await openSocket(servers().at(1).nemesisUrl),
    ]
    for (let time = 0; time < 3; time += 1) {
      const wanted = { name: 'shared by both', shared: true }
      const opened = await one.ask({ SH_NEW: wanted })
      expect(opened).toContain('"st":1,')
      expect(await other.ask({ SH_NEW: wanted })).toContain('"st":103,')
      const [, tkn] = /"tkn":(\d+)/.exec(opened) ?? []
      const keyOf = (value: number): string => `{"KV_SET":{"tkn":${tkn},"keys":{"K":${value}}}}`
      await other.ask(keyOf(time))
      expect(await one.ask(`{"KV_GET":{"tkn":${tkn},"keys":["K"]}}`)).toContain(`"K":${time}`)
      await one.ask(keyOf(time + 100))
      expect(await other.ask(`{"KV_GET":{"tkn":${tkn},"keys":["K"]}}`)).toContain(`${time + 100}`)
      expect(await other.ask(`{"SH_END":{"tkn":${tkn}}}`)).toContain('"st":1,')
      expect(await one.ask(`{"KV_GET":{"tkn":${tkn},"keys":["K"]}}`)).toContain('"st":100')
      expect(await other.ask(`{"SH_EXISTS":{"tkns":[${tkn}]}}`)).toContain('false')
    }
  })

  it('a store stays as long as it is used through either server', async () => {
    const asked = { method: 'POST', token: servers().token }
    const remote = new Remote(servers().at(0).url)
    const { id } = (await remote.do('/v2/key-value-stores', asked)).data
    const path = `/v2/key-value-stores/${id}`
    for (let use = 0; use < 6; use += 1) {
      servers().advance(7 * day - minute)
      const index = use % 2
      expect(await statusAt(index, `${path}/records/NONE`)).toBe(404) // this counts as a use
      await written(id, 7 * day)
      await neighbour.sweeper.sweep()
      expect(await statusAt(1 - index, path)).toBe(200) // this does not
    }
    servers().advance(7 * day + 10 * second)
    expect([await statusAt(0, path), await statusAt(1, path)]).toEqual([404, 404])
  })

  it('a session stays as long as it is used through either server', async () => {
    const [one, other] = [
      await openSocket(servers().at(0).nemesisUrl),
      await openSocket(servers().at(1).nemesisUrl),
    ]
    const expiry = { duration: 600, deleteSession: true }
    const { tkn } = await one.command('SH_NEW', { name: 'expires', expiry })
    const remote = new Remote(servers().at(0).url)
    const { items } = (await remote.do('/coatcheck/v1/sessions', { token: servers().token })).data
    await one.command('KV_SET', { tkn, keys: { K: 1 } })
    for (let use = 0; use < 8; use += 1) {
      servers().advance(10 * minute - second)
      const { keys } = await other.command('KV_GET', { tkn, keys: ['K'] })
      expect(keys).toEqual({ K: 1 })
      await written(items[0].storeId, 10 * minute)
      expect(await one.command('SH_EXISTS', { tkns: [tkn] })).toMatchObject({
        tkns: { [`${tkn}`]: true },
      })
    }
    servers().advance(10 * minute + 10 * second)
    for (const socket of [one, other]) {
      expect(await socket.ask({ KV_GET: { tkn, keys: ['K'] } })).toContain('"st":100')
    }
  })

  it('the data is valid at the end', async () => {
    for (const { logged } of servers().all) expect(logged).toEqual([])
    expect((await servers().leave((left) => check(left))).problems).toEqual([])
  })
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(lookAgainMs)
}
