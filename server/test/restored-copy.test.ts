import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client, type Reply } from './support/network/client.ts'
import { sharedPostgres } from './support/postgres/test-database.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'

// Each test starts several servers.
vi.setConfig({ testTimeout: 120_000 })

/** Where an installation is, and how it is copied while no server runs. */
interface Place {
  start(): Promise<OwnServer>
  backUp(): Promise<void>
  restore(): Promise<void>
}

function folderPlace(): Place {
  const [data, copy] = [createTestFolder(), join(createTestFolder(), 'copy')]
  return {
    start: () => startOwnServer({ data }),
    backUp: async () => cpSync(data, copy, { recursive: true }),
    restore: async () => {
      rmSync(data, { recursive: true })
      cpSync(copy, data, { recursive: true })
    },
  }
}

/** A copy made by the database itself has the same entries as a dump of `pg_dump`. */
async function databasePlace(): Promise<Place> {
  const url = await sharedPostgres.createDatabase()
  const name = new URL(url).pathname.slice(1)
  const [copy, admin] = [`${name}_copy`, url.replace(`/${name}`, '/postgres')]
  const data = createTestFolder()
  return {
    start: () => startOwnServer({ data, env: { COATCHECK_ENGINE: url } }),
    backUp: async () => {
      await sharedPostgres.query(`create database ${copy} template ${name}`, admin)
    },
    restore: async () => {
      await sharedPostgres.query(`drop database ${name}`, admin)
      await sharedPostgres.query(`create database ${name} template ${copy}`, admin)
    },
  }
}

const places = { folder: async () => folderPlace(), database: databasePlace } as const
/**
 * Each start goes on at the clock and, by chance, up to half a second later. A start that comes
 * sooner can't go by the clock: only then may a lost revision be above later ones.
 */
const betweenStartsMs = 600
const record = '/v2/key-value-stores/~store/records/K'

describe.each(['folder', 'database'] as const)('a restored copy of a %s', (kind) => {
  it('never gives a new version the entity tag of a version that the copy lacks', async () => {
    const place = await places[kind]()
    const token = await whileServed(place, async (client) => {
      await client.openStore('store')
      await put(client, 'in the copy')
      return undefined
    })
    await place.backUp()
    await sleep(betweenStartsMs)
    const lost = await whileServed(place, (client) => put(client, 'lost'), token)
    await place.restore()
    await sleep(betweenStartsMs)
    await whileServed(
      place,
      async (client) => {
        const after = await put(client, 'after')
        expect(after).not.toBe(lost)
        const send = (method: string, headers: Record<string, string>): Promise<Reply> =>
          client.send({ method, path: record, headers, ...(method === 'PUT' && { body: 'x' }) })
        // RFC 9110, 13.1.1 and 13.1.2: these tags name another version.
        expect((await send('PUT', { 'If-Match': lost })).status).toBe(412)
        expect((await send('GET', { 'If-None-Match': lost })).status).toBe(200)
        expect(Number(after.replaceAll('"', ''))).toBeGreaterThan(Number(lost.replaceAll('"', '')))
        return undefined
      },
      token,
    )
  })

  it('keeps the entity tags of the versions that it has, as every restart does', async () => {
    const place = await places[kind]()
    let kept = ''
    const token = await whileServed(place, async (client) => {
      await client.openStore('store')
      kept = await put(client, 'kept')
      return undefined
    })
    await place.backUp()
    await place.restore()
    for (let starts = 0; starts < 2; starts += 1) {
      await whileServed(
        place,
        async (client) => {
          const headers = { 'If-None-Match': kept }
          expect((await client.send({ method: 'GET', path: record, headers })).status).toBe(304)
          return undefined
        },
        token,
      )
    }
    await whileServed(
      place,
      async (client) => {
        const headers = { 'If-Match': kept }
        const reply = await client.send({ method: 'PUT', path: record, headers, body: 'next' })
        expect(reply.status).toBe(201)
        return undefined
      },
      token,
    )
  })
})

/** Serves the place while `work` runs. Returns its result or, without a token, the first token. */
async function whileServed(
  place: Place,
  work: (client: Client) => Promise<string | undefined>,
  token?: string,
): Promise<string> {
  const server = await place.start()
  const known = token ?? server.token
  const client = new Client({ url: server.url, token: known })
  const result = await work(client)
  client.close()
  await server.stop()
  return result ?? known
}

/** Returns the record's new entity tag. */
async function put(client: Client, body: string): Promise<string> {
  const reply = await client.send({ method: 'PUT', path: record, body })
  expect(reply.status).toBe(201)
  const { headers } = await client.send({ method: 'GET', path: record })
  return headers.etag ?? ''
}
