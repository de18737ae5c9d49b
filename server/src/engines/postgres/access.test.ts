import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { PostgresServer } from '../../../test/support/postgres/postgres.ts'
import { put } from '../conformance/basics.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres, type PostgresEngine } from './postgres.ts'

/** A self-signed certificate for localhost. */
const fixtures = fileURLToPath(new URL('../../../test/fixtures/postgres-tls/', import.meta.url))
const certificate = `${fixtures}server.crt`
const isEncrypted = 'select bool_or(ssl) as ssl from pg_stat_ssl join pg_stat_activity using (pid)'

const passwordFor = `
  host all coatcheck 127.0.0.1/32 trust
  host all guarded 127.0.0.1/32 scram-sha-256
  host all old_guarded 127.0.0.1/32 md5`

describe('connecting to PostgreSQL', () => {
  let server: PostgresServer
  let url: string
  beforeAll(async () => {
    server = await PostgresServer.start({ settings: { fsync: 'off' } })
    url = await server.createDatabase()
  })
  afterAll(() => server.cleanUp())

  async function open(words: string, { host = '127.0.0.1', user = 'coatcheck' } = {}) {
    const address = url.replace('coatcheck@', `${user}@`).replace('127.0.0.1', host)
    const engine: PostgresEngine = await openPostgres(parsePostgresAddress(`${address}?${words}`))
    onTestFinished(() => engine.close())
    await put(engine, [Buffer.from('key'), 'x'])
    return engine
  }

  async function usesTls(user: string): Promise<unknown> {
    const [row] = await server.query(`${isEncrypted} where usename = '${user}'`)
    return row?.ssl
  }

  it('sends passwords, and never shows them', async () => {
    await server.query(`create role guarded superuser login password 's3cret'`)
    await server.query(`set password_encryption = 'md5';
      create role old_guarded superuser login password 's3cret'`)
    server.writeFile('pg_hba.conf', passwordFor)
    await server.reload()
    await open('', { user: 'guarded:s3cret' })
    await open('', { user: 'old_guarded:s3cret' })
    for (const user of ['guarded:wr0ng', 'guarded', 'old_guarded:wr0ng']) {
      const refusal = await open('', { user }).catch((error: unknown) => error)
      expect(refusal).toMatchObject({ failure: 'unavailable' })
      expect(inspect(refusal, { depth: 9, showHidden: true })).not.toMatch(/s3cret|wr0ng/)
    }
  })

  it('asks for a password in its own words if an empty one is given, as psql does', async () => {
    const environment = { PGPASSWORD: '', HOME: '/nowhere' }
    const address = parsePostgresAddress(url.replace('coatcheck@', 'guarded@'), environment)
    await expect(openPostgres(address)).rejects.toThrow(
      'the server asks for a password: none was given',
    )
  })

  it('fails if TLS is required and the server has none', async () => {
    await expect(open('sslmode=require')).rejects.toThrow(/SSL/)
  })

  it('encrypts, and verifies the certificate, as sslmode says', async () => {
    server.writeFile('server.crt', readFileSync(certificate, 'utf8'))
    server.writeFile('server.key', readFileSync(`${fixtures}server.key`, 'utf8'))
    await server.query('alter system set ssl = on')
    await server.reload()
    await server.query('create role by_tls superuser login')
    server.writeFile('pg_hba.conf', `${passwordFor}\n  host all by_tls 127.0.0.1/32 trust`)
    await server.reload()
    await open('sslmode=disable', { user: 'by_tls' })
    expect(await usesTls('by_tls')).toBe(false)
    const known = `sslrootcert=${certificate}`
    await open(`sslmode=verify-full&${known}`, { user: 'by_tls', host: 'localhost' })
    expect(await usesTls('by_tls')).toBe(true)
    await open(`sslmode=verify-ca&${known}`, { user: 'by_tls' })
    await open('sslmode=require', { user: 'by_tls' })
    const unavailable = { failure: 'unavailable' }
    await expect(open(`sslmode=verify-full&${known}`)).rejects.toMatchObject(unavailable)
    await expect(open('sslmode=verify-ca')).rejects.toMatchObject(unavailable)
  })

  it('uses channel binding if it is required', async () => {
    const guarded = { user: 'guarded:s3cret' }
    await open('sslmode=require&channel_binding=require', guarded)
    for (const [words, user] of [
      ['sslmode=disable', 'guarded:s3cret'],
      ['sslmode=require', 'old_guarded:s3cret'],
      ['sslmode=require', 'coatcheck'],
    ] as const) {
      const opened = open(`${words}&channel_binding=require`, { user })
      await expect(opened).rejects.toThrow(/channel binding/)
    }
  })

  it('encrypts by default if the server can', async () => {
    await server.query('create role by_itself superuser login')
    server.writeFile('pg_hba.conf', `${passwordFor}\n  hostssl all by_itself 127.0.0.1/32 trust`)
    await server.reload()
    await open('', { user: 'by_itself' })
    expect(await usesTls('by_itself')).toBe(true)
  })
})
