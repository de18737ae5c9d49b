import { mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createTestFolder } from '../../../../test/support/data/test-folder.ts'
import { standbysWanted } from '../health.ts'
import {
  ignoredVariables,
  type PostgresAddress,
  PostgresAddressError,
  parsePostgresAddress,
} from './address.ts'
import { PasswordFile } from './password-file.ts'

function passwordOf(address: PostgresAddress, index = 0): string | undefined {
  const host = address.hosts[index]
  return host && address.passwordFor(host)
}

describe('a PostgreSQL address', () => {
  it('has a user, a password, hosts, a database and parameters', () => {
    const text = 'postgres://me:pass@one:5433,two/things?sslmode=require&application_name=my%20app'
    const address = parsePostgresAddress(text)
    expect(address).toMatchObject({
      user: 'me',
      database: 'things',
      tls: 'require',
      applicationName: 'my app',
      hosts: [
        { host: 'one', port: 5433 },
        { host: 'two', port: 5432 },
      ],
    })
    expect(passwordOf(address)).toBe('pass')
  })

  it('may have the form that cloud providers give', () => {
    const words = 'sslmode=require&channel_binding=require&connect_timeout=10'
    const text = `postgresql://me:pass@one,two/things?${words}&target_session_attrs=read-write`
    const address = parsePostgresAddress(text)
    expect(address).toMatchObject({ channelBinding: 'require', connectMsMax: 10_000 })
    expect(parsePostgresAddress('postgres://me@one/things')).toMatchObject({
      channelBinding: 'disable',
      connectMsMax: undefined,
    })
  })

  it('may be percent-encoded, and name hosts by IPv6 and the folder of a socket', () => {
    const address = parsePostgresAddress('postgresql://m%40e:p%2F%3A@[::1]:1,%2Frun%2Fpg/d%20b')
    expect(address).toMatchObject({ user: 'm@e', database: 'd b' })
    expect(passwordOf(address)).toBe('p/:')
    expect(address.hosts).toEqual([
      { host: '::1', port: 1 },
      { host: '/run/pg', port: 5432 },
    ])
  })

  it('takes missing parts from the environment', () => {
    const environment = {
      PGUSER: 'someone',
      PGPASSWORD: 'secret',
      PGDATABASE: 'data',
      PGSSLMODE: 'verify-full',
      PGHOST: 'there',
      PGPORT: '6543',
    }
    const address = parsePostgresAddress('postgres://', environment)
    expect(address).toMatchObject({ user: 'someone', database: 'data', tls: 'verify-full' })
    expect(address.hosts).toEqual([{ host: 'there', port: 6543 }])
    expect(passwordOf(address)).toBe('secret')
    expect(parsePostgresAddress('postgres://me@here').database).toBe('me')
  })

  it('takes passwords from a file that nobody else may read', () => {
    const PGPASSFILE = join(createTestFolder(), 'passwords')
    writeFileSync(PGPASSFILE, 'one:5432:*:me:first\n*:*:*:me:other\n', { mode: 0o600 })
    const text = 'postgres://me@one,two/data'
    const address = parsePostgresAddress(text, { PGPASSFILE })
    expect([passwordOf(address, 0), passwordOf(address, 1)]).toEqual(['first', 'other'])
    // An editor may have put a byte order mark in front of the first host.
    writeFileSync(PGPASSFILE, '\ufeffone:5432:*:me:marked\n', { mode: 0o600 })
    expect(passwordOf(parsePostgresAddress(text, { PGPASSFILE }), 0)).toBe('marked')
    const open = join(createTestFolder(), 'passwords')
    writeFileSync(open, '', { mode: 0o644 })
    expect(() => parsePostgresAddress(text, { PGPASSFILE: open })).toThrow(PostgresAddressError)
    expect(() => parsePostgresAddress(text, { PGPASSFILE: `${open}-not` })).toThrow(
      PostgresAddressError,
    )
  })

  // https://www.postgresql.org/docs/current/libpq-envars.html; each was tried with psql 15.
  it('counts an empty variable as missing where psql does', () => {
    const PGPASSFILE = join(createTestFolder(), 'passwords')
    writeFileSync(PGPASSFILE, '*:*:*:me:of-the-file\n*:*:*:other:\n', { mode: 0o600 })
    const empty = { PGPASSWORD: '', PGHOST: '', PGPORT: '', PGDATABASE: '', PGAPPNAME: '' }
    const environment = { ...empty, PGOPTIONS: '', PGSSLROOTCERT: '', PGUSER: '', PGPASSFILE }
    const address = parsePostgresAddress('postgres://me@one', environment)
    expect(passwordOf(address)).toBe('of-the-file')
    expect(address).toMatchObject({
      hosts: [{ host: 'one', port: 5432 }],
      database: 'me',
      applicationName: 'coatcheck',
      options: undefined,
      rootCertificates: undefined,
    })
    expect(passwordOf(parsePostgresAddress('postgres://me:@one', environment))).toBe('of-the-file')
    const none = parsePostgresAddress('postgres://other@one', environment)
    expect(passwordOf(none)).toBeUndefined()
    expect(parsePostgresAddress('postgres://one', environment).user).toBe(userInfo().username)
  })

  it('refuses an empty variable where psql does', () => {
    for (const name of [
      'PGSSLMODE',
      'PGCHANNELBINDING',
      'PGCONNECT_TIMEOUT',
      'PGTARGETSESSIONATTRS',
    ]) {
      expect(() => parsePostgresAddress('postgres://me@one', { [name]: '' })).toThrow(
        PostgresAddressError,
      )
    }
  })

  it('takes several hosts and ports from the environment or its parameters, as psql', () => {
    const hostsOf = (text: string, environment: Record<string, string>) =>
      parsePostgresAddress(text, environment).hosts
    const both = [
      { host: 'db1', port: 5433 },
      { host: '::1', port: 5434 },
    ]
    expect(hostsOf('postgres://me@', { PGHOST: 'db1,::1', PGPORT: '5433,5434' })).toEqual(both)
    expect(hostsOf('postgres://me@/data?host=db1,%3A%3A1&port=5433,5434', {})).toEqual(both)
    expect(hostsOf('postgres://me@a,b:3', { PGPORT: '9' })).toEqual([
      { host: 'a', port: 9 },
      { host: 'b', port: 3 },
    ])
    // libpq stores a host only if the URL has one, and then does not look at PGHOST.
    expect(hostsOf('postgres://me@:5433/data', { PGHOST: 'db1,::1' })).toEqual([
      { host: 'db1', port: 5433 },
      { host: '::1', port: 5433 },
    ])
    const usual = expect.stringMatching(/^(localhost|\/.+)$/)
    expect(hostsOf('postgres://me@a,:5433/data', { PGHOST: 'db1,::1' })).toEqual([
      { host: 'a', port: 5432 },
      { host: usual, port: 5433 },
    ])
    expect(() => hostsOf('postgres://me@', { PGHOST: 'a,b', PGPORT: '1,2,3' })).toThrow(
      /3 ports can't be matched to 2 hosts/,
    )
    const given = 'postgres://?user=me&password=pass&dbname=data&host=/run/pg'
    const address = parsePostgresAddress(given)
    expect(address).toMatchObject({ user: 'me', database: 'data' })
    expect([passwordOf(address), address.hosts]).toEqual([
      'pass',
      [{ host: '/run/pg', port: 5432 }],
    ])
  })

  it('reads no password file if there is a password', () => {
    const environment = { PGPASSFILE: '/not/there', PGPASSWORD: 'given' }
    expect(passwordOf(parsePostgresAddress('postgres://me@one', environment))).toBe('given')
  })

  it("finds the password of this machine's socket under localhost", () => {
    const PGPASSFILE = join(createTestFolder(), 'passwords')
    writeFileSync(PGPASSFILE, 'localhost:*:*:*:local\n', { mode: 0o600 })
    const socket = 'postgres://me@%2Fvar%2Frun%2Fpostgresql/data'
    expect(passwordOf(parsePostgresAddress(socket, { PGPASSFILE }))).toBe('local')
  })

  it('verifies servers by the certificates in the home folder, if no others are named', () => {
    const HOME = createTestFolder()
    mkdirSync(join(HOME, '.postgresql'))
    writeFileSync(join(HOME, '.postgresql', 'root.crt'), 'PEM')
    const certificatesFor = (mode: string) =>
      parsePostgresAddress(`postgres://me@one?sslmode=${mode}`, { HOME }).rootCertificates
    expect(certificatesFor('verify-full')).toBe('PEM')
    expect(certificatesFor('prefer')).toBeUndefined()
    expect(certificatesFor('verify-full&sslrootcert=system')).toBeUndefined()
  })

  it('names the variables of libpq that it does not know', () => {
    expect(ignoredVariables({ PGSERVICE: 'prod', PGHOSTADDR: '', PGUSER: 'me' })).toEqual([
      'PGSERVICE is ignored: Coatcheck does not know this variable of PostgreSQL.',
    ])
  })

  it('is refused with a message that contains no password', () => {
    for (const text of [
      'mysql://me:hidden@host/data',
      'postgres://me:hidden/word@host/data',
      'postgres://me:hidden%zz@host/data',
      'postgres://me:hidden@host:0/data',
      'postgres://me:hidden@host:port/data',
      'postgres://me:hidden@a:1:2/data',
      'postgres://me:hidden@host/data?sslmode=sometimes',
      'postgres://me:hidden@host/data?colour=red',
      'postgres://me:hidden@host/data?target_session_attrs=standby',
      'postgres://me:hidden@host/data?connect_timeout=soon',
      'postgres://me:hidden@host/data?channel_binding=perhaps',
      'postgres://me:hidden@host/data?sslrootcert=/not/there.pem',
    ]) {
      const refusal = refusalOf(text)
      expect(refusal).toBeInstanceOf(PostgresAddressError)
      expect(inspect(refusal)).not.toContain('hidden')
    }
  })

  it('shows no password', () => {
    const address = parsePostgresAddress('postgres://me:hidden@one:1,[::1]:2/data')
    const shown = [String(address), inspect(address, { showHidden: true }), JSON.stringify(address)]
    expect(shown.join()).not.toContain('hidden')
    expect(String(address)).toBe('postgres://me@one:1,[::1]:2/data')
  })
})

describe('a password file', () => {
  it('may have escaped colons and backslashes, and comments', () => {
    const file = new PasswordFile('# host:1:d:u:none\r\nho\\:st:1:d\\\\b:u:pass\\:word\r\n')
    const owner = { host: 'ho:st', port: 1, database: 'd\\b', user: 'u' }
    expect(file.find(owner)).toBe('pass:word')
    expect(file.find({ ...owner, user: 'other' })).toBeUndefined()
  })
})

describe('synchronous_standby_names', () => {
  it('say how many standbys a write waits for', () => {
    const names = ['', 'a', 'a, b', '*', '2 (a, b, c)', 'ANY 2 (a, b)', 'first 3(a, b, c)']
    expect(names.map(standbysWanted)).toEqual([0, 1, 1, 1, 2, 2, 3])
  })
})

function refusalOf(text: string): unknown {
  try {
    return parsePostgresAddress(text)
  } catch (error) {
    return error
  }
}
