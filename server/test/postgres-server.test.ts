import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApifyClient } from 'apify-client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { DataCommands } from './support/data/data-commands.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { type Json, Remote } from './support/network/remote.ts'
import { PostgresServer } from './support/postgres/postgres.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

// Tests wait for a database that stops, and starts again.
vi.setConfig({ testTimeout: 120_000 })

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await PostgresServer.start()
})
afterAll(() => postgres.cleanUp())

function serve(url: string, data = createTestFolder()): Promise<OwnServer> {
  return startOwnServer({ data, env: { COATCHECK_ENGINE: url } })
}

async function health({ url }: { url: string }, token?: string): Promise<Json> {
  return JSON.parse((await new Remote(url).send('/health', { token })).text)
}

describe('a server on PostgreSQL', () => {
  it('keeps its data over a restart', async () => {
    const url = await postgres.createDatabase()
    const data = createTestFolder()
    const env = { COATCHECK_ENGINE: url }
    const first = await ServerProcess.start({ data, env })
    const { token } = first
    const client = new ApifyClient({ baseUrl: first.url, token })
    const { id } = await client.keyValueStores().getOrCreate('my-first-store')
    await client.keyValueStore(id).setRecord({ key: 'GREETING', value: { hello: 'world' } })
    await first.stop()
    expect(first.problems).toEqual([])
    const second = await ServerProcess.start({ data, env })
    const again = new ApifyClient({ baseUrl: second.url, token })
    const record = await again.keyValueStore(id).getRecord('GREETING')
    expect(record?.value).toEqual({ hello: 'world' })
    expect(second.stdout).toBe(`Coatcheck is listening on ${second.url}\n`)
    expect(second.problems).toEqual([])
  })

  it('reports the durability of PostgreSQL, and details only to admins', async () => {
    const server = await serve(await postgres.createDatabase())
    const told = await health(server)
    expect(told).toMatchObject({ status: 'ok', engine: 'postgresql', durability: 'single' })
    expect(told.notes).toEqual([])
    expect(Math.abs(told.clockSkewMs)).toBeLessThan(1_000)
    const { notes } = await health(server, server.token)
    expect(notes).toContain('Writes are acknowledged by one server alone.')
  })

  it('shares its data with another server, if both start for the first time at once', async () => {
    const url = await postgres.createDatabase()
    const folders = [createTestFolder(), createTestFolder()]
    const servers = await Promise.all(folders.map((data) => serve(url, data)))
    const isFirstStart = ({ data }: OwnServer): boolean => existsSync(join(data, 'first-token'))
    const tokens = servers.filter(isFirstStart).map((server) => server.token)
    expect(tokens).toHaveLength(1)
    const [token = ''] = tokens
    const [one, other] = servers.map((server) => new Client({ url: server.url, token }))
    const store = await one?.openStore('shared')
    await store?.put('key', 'value')
    const same = await other?.openStore('shared')
    expect((await same?.get('key'))?.body.toString()).toBe('value')
    for (const server of servers) {
      const { data } = server
      const commands = new DataCommands(data, { COATCHECK_ENGINE: url })
      expect(await commands.rows('user', 'list')).toHaveLength(1)
      if (!isFirstStart(server)) continue
      expect(readFileSync(join(data, 'first-token'), 'utf8')).toBe(`${token}\n`)
    }
  })

  it('waits for replication if configured, and says so while a standby is missing', async () => {
    const standby = await PostgresServer.startStandbyOf(postgres)
    try {
      await postgres.query("alter system set synchronous_standby_names = 'ANY 1 (*)'")
      await postgres.reload()
      const url = await postgres.createDatabase()
      const env = { COATCHECK_ENGINE: url, COATCHECK_DURABILITY: 'replicated' }
      const server = await startOwnServer({ data: createTestFolder(), env })
      const commands = new DataCommands(server.data, env)
      expect(await commands.rows('status')).toEqual(
        expect.arrayContaining([
          ['status', 'ok'],
          ['promise', "each write is on several machines' disks before it is acknowledged"],
        ]),
      )
      await standby.kill()
      await vi.waitUntil(async () => (await health(server)).status === 'degraded', {
        timeout: 20_000,
      })
      const { notes } = await health(server, server.token)
      expect(notes).toContain('0 of the 1 standbys that writes wait for are connected.')
    } finally {
      await standby.cleanUp()
      await postgres.query('alter system reset synchronous_standby_names')
      await postgres.reload()
    }
  })

  it('answers while the database hangs, and does not claim that nothing was written', async () => {
    const server = await serve(await postgres.createDatabase())
    const client = new Client(server)
    const store = await client.openStore('kept')
    postgres.freeze(true)
    try {
      const [put, get] = await Promise.all([store.put('key', 'value'), store.get('other')])
      expect([put.status, get.status]).toEqual([503, 503])
      expect((await fetch(`${server.url}/health/ready`)).status).toBe(503)
    } finally {
      postgres.freeze(false)
    }
    const isReady = async (): Promise<boolean> => (await health(server)).ready
    await vi.waitUntil(isReady, { timeout: 20_000, interval: 100 })
    expect((await store.put('key', 'later')).status).toBe(201)
    client.close()
  })

  it('recovers by itself after the database was down', async () => {
    const server = await serve(await postgres.createDatabase())
    const client = new Client(server)
    const store = await client.openStore('kept')
    await store.put('key', 'value')
    await postgres.kill()
    await vi.waitUntil(async () => (await health(server)).status === 'unavailable')
    expect(JSON.stringify(await health(server))).not.toContain(String(postgres.port))
    expect((await store.put('key', 'later')).status).toBe(503)
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
    await postgres.start()
    const isReady = async (): Promise<boolean> => (await health(server)).ready
    await vi.waitUntil(isReady, { timeout: 20_000, interval: 100 })
    expect((await store.put('key', 'later')).status).toBe(201)
    expect((await store.get('key')).body.toString()).toBe('later')
    client.close()
  })
})

describe('the commands, on PostgreSQL', () => {
  it.each(['a running server', 'a database that nobody serves'])('work with %s', async (place) => {
    const url = await postgres.createDatabase()
    const server = await serve(url)
    const store = await new Client(server).openStore('photos')
    await store.put('key', 'value')
    const data = server.data
    if (place !== 'a running server') await server.stop()
    const commands = new DataCommands(data, { COATCHECK_ENGINE: url })
    await commands.out('user', 'add', 'jane')
    expect(await commands.rows('user', 'list')).toHaveLength(2)
    expect(await commands.rows('token', 'list')).toHaveLength(1)
    expect(await commands.rows('store', 'list')).toHaveLength(1)
    expect(await commands.rows('audit')).toHaveLength(3)
    const isServed = place === 'a running server'
    const { address, ...status } = JSON.parse((await commands.run('status', '--json')).stdout)
    expect(address).toBe(isServed ? server.url : null)
    const facts = { engine: 'postgresql', durability: 'single', ready: isServed }
    expect(status).toMatchObject(facts)
    expect(status.users.count).toBe(2)
    const { code, stdout, stderr } = await commands.run('check')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('1 stores, 1 records, 5 bytes: everything is sound\n')
  })

  it('need no data folder, and make none', async () => {
    const url = await postgres.createDatabase()
    await (await serve(url)).stop()
    const data = join(createTestFolder(), 'absent')
    const commands = new DataCommands(data)
    expect((await commands.run('user', 'list')).code).toBe(1)
    expect(await commands.rows('user', 'list', '--engine', url)).toHaveLength(1)
    expect((await commands.run('check', '--engine', url)).code).toBe(0)
    expect(() => readFileSync(data)).toThrow('ENOENT')
  })

  it('ask the server of a folder, unless another engine is named than it has', async () => {
    const server = await serve(await postgres.createDatabase())
    const commands = new DataCommands(server.data)
    expect((await commands.json('status')).engine).toBe('postgresql')
    const { code, stderr } = await commands.run('user', 'list', '--engine', 'lmdb')
    expect(code).toBe(1)
    expect(stderr).toContain('has the engine postgresql, not lmdb')
  })

  it('report what is wrong with the data', async () => {
    const url = await postgres.createDatabase()
    const server = await serve(url)
    const store = await new Client(server).openStore('photos')
    await store.put('key', 'value')
    await server.stop()
    const counter = 'select ctid from coatcheck_entry where total is not null limit 1'
    await postgres.query(`delete from coatcheck_entry where ctid in (${counter})`, url)
    const { code, stdout } = await new DataCommands(server.data, { COATCHECK_ENGINE: url }).run(
      'check',
    )
    expect(code).toBe(1)
    expect(stdout).toMatch(/1 records, .*: \d+ problems\n$/)
  })
})
