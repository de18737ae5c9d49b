import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { entriesOf } from '../src/core/testing/entries.ts'
import { minute } from '../src/core/testing/times.ts'
import { check } from '../src/core/upkeep/check.ts'
import { useSeveralServers } from './support/data/several-servers.ts'
import { createSharedData, sharedEngines } from './support/data/shared-data.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { countUp } from './support/load/count-up.ts'
import { readStamp, stampValue } from './support/load/stamped-value.ts'
import { Client, type RemoteStore } from './support/network/client.ts'
import { NemesisSession, openSocket } from './support/network/nemesis-session.ts'
import { plainRequest } from './support/network/plain-request.ts'
import { SlowUpload } from './support/network/slow-transfer.ts'
import { startTestServer } from './support/network/test-server.ts'
import { runInProcess } from './support/processes/command.ts'
import { ServerProcess } from './support/processes/server-process.ts'

/** How much is written at the same time; more by `npm run test:long`. */
const rounds = Number(process.env.COATCHECK_SERVERS_ROUNDS ?? 1)
const writersPerServer = 4
const lookAgainMs = 5

describe.each(sharedEngines)('two servers on the same data, on %s', (engine) => {
  const servers = useSeveralServers(engine)

  const client = (index: number, connections = writersPerServer): Client =>
    new Client({ url: servers().at(index).url, token: servers().token }, { connections })

  /** The store of this name, opened through each server. */
  const openOnBoth = (name: string): Promise<RemoteStore[]> =>
    Promise.all([0, 1].map((index) => client(index).openStore(name)))

  /** Runs `work` `times` times in all, by several parallel writers on each server. */
  async function byAll(
    times: number,
    work: (store: RemoteStore, time: number) => Promise<void>,
    stores: readonly RemoteStore[],
  ): Promise<void> {
    const left = Array.from({ length: times }, (_, time) => time).values()
    const writers = stores.flatMap((store) => Array.from({ length: writersPerServer }, () => store))
    await Promise.all(
      writers.map(async (store) => {
        for (const time of left) await work(store, time)
      }),
    )
  }

  it('make one store for one name, whichever server is asked', async () => {
    const before = await servers().client(0).keyValueStores().list()
    for (let name = 0; name < 4 * rounds; name += 1) {
      const asked = Array.from({ length: 6 }, (_, index) =>
        servers().client(index).keyValueStores().getOrCreate(`one-of-${name}`),
      )
      const ids = (await Promise.all(asked)).map(({ id }) => id)
      expect(new Set(ids).size).toBe(1)
    }
    for (const index of [0, 1]) {
      const { total } = await servers().client(index).keyValueStores().list()
      expect(total).toBe(before.total + 4 * rounds)
    }
  })

  it('show each value that the other one stored at once, whatever its size', async () => {
    const stores = await openOnBoth('shown')
    for (const [time, size] of [10, 2_049, 1_048_576, 3_000_000].entries()) {
      const [one, other] = time % 2 === 0 ? stores : stores.toReversed()
      const value = stampValue({ key: 'K', number: time }, size)
      expect((await one?.put('K', value))?.status).toBe(201)
      expect((await other?.get('K'))?.body.equals(value)).toBe(true)
      expect((await other?.delete('K'))?.status).toBe(204)
      expect((await one?.get('K'))?.status).toBe(404)
    }
  })

  it('let only one of many writers make a record with If-None-Match', async () => {
    const { token } = servers()
    const [{ address } = { address: '' }] = await openOnBoth('absent')
    const headers = { Authorization: `Bearer ${token}`, 'If-None-Match': '*' }
    for (let key = 0; key < 4 * rounds; key += 1) {
      const path = `/v2/key-value-stores/${address}/records/KEY-${key}`
      const replies = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          plainRequest(servers().at(index).url + path, {
            method: 'PUT',
            body: `${index}`,
            headers,
          }),
        ),
      )
      const statuses = replies.map(({ status }) => status).sort()
      expect(statuses).toEqual([201, 412, 412, 412, 412, 412])
    }
  })

  it('count all increments of one number by read and conditional write', async () => {
    const [{ address } = { address: '' }] = await openOnBoth('counted')
    const path = `/v2/key-value-stores/${address}/records/COUNT`
    const urls = servers().all.map(({ url }) => url)
    const counted = countUp(
      { urls, token: servers().token, path },
      { writers: 8, times: 8 * rounds },
    )
    expect(await counted).toEqual([`${64 * rounds}`, `${64 * rounds}`])
  }, 120_000)

  it('never call a record busy because others write it too', async () => {
    const stores = await openOnBoth('hot')
    await byAll(
      100 * rounds,
      async (store, time) => {
        const value = stampValue({ key: 'HOT', number: time }, time % 10 === 0 ? 10_000 : 100)
        const { status } =
          time % 20 === 19 ? await store.delete('HOT') : await store.put('HOT', value)
        expect([201, 204]).toContain(status)
      },
      stores,
    )
    for (const store of stores) {
      await store.put('HOT', stampValue({ key: 'HOT', number: 9_999 }, 100))
      expect(readStamp('HOT', (await store.get('HOT')).body)).toBe(9_999)
      expect(await store.keys()).toEqual(['HOT'])
    }
  }, 120_000)

  it('never cause a failure when both change several values at once', async () => {
    const first = await NemesisSession.open(servers().at(0).nemesisUrl)
    const other = new NemesisSession(await openSocket(servers().at(1).nemesisUrl), first.token)
    const keys = ['a', 'b', 'c']
    const times = 10 * rounds
    const change = async (session: NemesisSession, name: string): Promise<void> => {
      for (let time = 0; time < times; time += 1) {
        const values = Object.fromEntries(keys.map((key) => [key, { by: name, time }]))
        expect(await session.command('KV_SET', { keys: values })).toHaveProperty('keys.a')
        const update = { key: 'd', path: `$.${name}`, value: time }
        expect(await session.command('KV_UPDATE', update)).toMatchObject({ st: 1, cnt: 1 })
      }
    }
    await first.command('KV_SET', { keys: { d: { one: 0, other: 0 } } })
    await Promise.all([change(first, 'one'), change(other, 'other')])
    const { keys: found } = await first.command('KV_GET', { keys: [...keys, 'd'] })
    expect(await other.command('KV_GET', { keys: [...keys, 'd'] })).toMatchObject({ keys: found })
    const values = JSON.parse(JSON.stringify(found))
    expect(values.d).toEqual({ one: times - 1, other: times - 1 })
    expect([values.b, values.c]).toEqual([values.a, values.a])
  }, 120_000)

  it('notify followers of changes on another server at once', async () => {
    const stores = await openOnBoth('followed')
    const neighbour = await servers().openNeighbour()
    const store = await neighbour.stores.find(stores[0]?.address ?? '')
    let { revision } = await store.changes({ after: 0, prefix: '' })
    for (let time = 0; time < 8; time += 1) {
      const woken = neighbour.engine.newerThan(revision, AbortSignal.timeout(10 * minute))
      await stores[time % 2]?.put(`KEY-${time}`, 'value')
      const page = await store.changes({ after: revision, prefix: '' })
      expect(page.changes.map(({ kind, key }) => [kind, key])).toEqual([['put', `KEY-${time}`]])
      expect(page.isReset).toBe(false)
      expect(await woken).toBeGreaterThan(revision)
      revision = page.revision
    }
  })

  const long = stampValue({ key: 'LONG', number: 1 }, 3_000_000)

  /** Begins an upload through the first server; resolves when a part of it is stored. */
  async function beginUpload(address: string): Promise<SlowUpload> {
    const { token } = servers()
    const path = `/v2/key-value-stores/${address}/records/LONG`
    const target = { url: servers().at(0).url, token, path }
    const upload = await SlowUpload.begin(target, long, { sent: 1_500_000 })
    const { engine: storage } = await servers().openNeighbour()
    while ((await entriesOf(storage, 'lease')).length === 0) await sleep(lookAgainMs)
    return upload
  }

  it('refuse an upload through one after the other cleared the store', async () => {
    const [one] = await openOnBoth('cleared')
    const upload = await beginUpload(one?.address ?? '')
    const neighbour = await servers().openNeighbour()
    await (await neighbour.stores.find(one?.address ?? '')).clear()
    expect(await upload.finish()).toBe(409)
    expect((await one?.get('LONG'))?.status).toBe(404)
  })

  it('refuse an upload through one after the other dropped the store', async () => {
    const [one, other] = await openOnBoth('dropped')
    const upload = await beginUpload(one?.address ?? '')
    expect((await other?.drop())?.status).toBe(204)
    expect(await upload.status).toBe(404)
    upload.abort()
  })

  it('do not sweep an upload of another server, until it stands still for too long', async () => {
    const [one, other] = await openOnBoth('swept')
    const neighbour = await servers().openNeighbour()
    const upload = await beginUpload(one?.address ?? '')
    for (let sweep = 0; sweep < 3; sweep += 1) await neighbour.sweeper.sweep()
    expect(await upload.finish()).toBe(201)
    await neighbour.sweeper.sweep()
    expect((await other?.get('LONG'))?.body.equals(long)).toBe(true)
    const abandoned = await beginUpload(one?.address ?? '')
    servers().advance(11 * minute)
    await neighbour.sweeper.sweep()
    expect(await abandoned.finish()).toBe(408)
    expect((await other?.get('LONG'))?.body.equals(long)).toBe(true)
  })

  it('leave valid data, and no server marked as running', async () => {
    for (const { logged } of servers().all) expect(logged).toEqual([])
    const report = await servers().leave((left) => check(left))
    expect(report.problems).toEqual([])
  })
})

describe.each(sharedEngines)('two servers that start for the first time, on %s', (engine) => {
  it('make one user, and only one server prints the token', async () => {
    const data = await createSharedData(engine)
    const { settings, open } = data
    const starting = [0, 1].map(() => startTestServer(settings, open && { open }))
    const started = await Promise.all(starting)
    const tokens = started.map(({ token }) => token).filter((token) => token !== '')
    expect(tokens).toHaveLength(1)
    for (const { url } of started) {
      const headers = { Authorization: `Bearer ${tokens[0]}` }
      expect((await plainRequest(`${url}/v2/users/me`, { headers })).status).toBe(200)
    }
    for (const server of started) await server.close()
    await data.close()
  })
})

describe('two processes on one PostgreSQL database', () => {
  it('start at once for the first time, print one token, and count correctly together', async () => {
    const { settings, close } = await createSharedData('postgresql')
    onTestFinished(close)
    const args = ['--engine', String(settings.database)]
    const processes = [1, 2].map(() => ServerProcess.spawn({ data: createTestFolder(), args }))
    for (const server of processes) await server.ready()
    const told = processes.filter(({ stdout }) => stdout.includes('Your token is'))
    expect(told).toHaveLength(1)
    const { token } = told[0] ?? { token: '' }
    const urls = processes.map(({ url }) => url)
    const stores = urls.map((url) => new Client({ url, token }).openStore('counted'))
    const [one, other] = await Promise.all(stores)
    expect(one?.address).toBe(other?.address)
    const path = `/v2/key-value-stores/${one?.address}/records/COUNT`
    const counted = await countUp({ urls, token, path }, { writers: 4, times: 15 })
    expect(counted).toEqual(['60', '60'])
    for (const server of processes) expect(await server.stop()).toBe(0)
    const checked = await runInProcess({ args: ['check', '--data', createTestFolder(), ...args] })
    expect(checked).toMatchObject({ code: 0 })
  }, 120_000)
})
