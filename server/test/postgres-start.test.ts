import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parsePostgresAddress } from '../src/engines/postgres/link/address.ts'
import { openPostgres } from '../src/engines/postgres/postgres.ts'
import { DataCommands } from './support/data/data-commands.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { Remote } from './support/network/remote.ts'
import { PostgresServer } from './support/postgres/postgres.ts'
import { type Finished, runCoatcheck, runInProcess } from './support/processes/command.ts'
import { startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

// Each server and command is a process of its own.
vi.setConfig({ testTimeout: 120_000 })

const oneSentence = /^coatcheck: [^\n]+\.\n$/
const password = 'canary-of-the-database'
const wrongPassword = 'canary-that-opens-nothing'

/** A server that asks for the password. */
let postgres: PostgresServer
/** Databases that are made before the server asks for the password. */
const databases: string[] = []

beforeAll(async () => {
  postgres = await PostgresServer.start()
  for (let count = 0; count < 12; count += 1) databases.push(await postgres.createDatabase())
  await postgres.query(`alter role coatcheck password '${password}'`)
  const rule = 'host all all 127.0.0.1/32 scram-sha-256\n'
  writeFileSync(join(postgres.dataFolder, 'pg_hba.conf'), rule)
  await postgres.query('select pg_reload_conf()')
  const isOpen = () => postgres.query('select 1').then(Boolean, () => false)
  await vi.waitUntil(async () => !(await isOpen()))
})

afterAll(() => postgres.cleanUp())

/** The URL of a new database, without a password. */
function database(): string {
  const url = databases.pop()
  if (url === undefined) throw new Error('Too few databases were made.')
  return url
}

function withPassword(url: string, word = password): string {
  return url.replace('coatcheck@', `coatcheck:${word}@`)
}

/** Runs a `coatcheck serve` that should fail and exit. */
function serveInVain(
  engine: string,
  {
    args = [],
    env = {},
    run = runCoatcheck,
  }: { args?: readonly string[]; env?: Record<string, string>; run?: typeof runCoatcheck } = {},
): Promise<Finished> {
  const words = ['serve', '--data', createTestFolder(), '--port', '0', '--nemesis-port', 'off']
  return run({ args: [...words, ...args], env: { COATCHECK_ENGINE: engine, ...env } })
}

interface Refusal {
  readonly cause: string
  readonly says: RegExp
  readonly code?: number
  readonly args?: readonly string[]
  engine(): string | Promise<string>
}

const refusals: readonly Refusal[] = [
  {
    cause: 'an address where no database listens',
    says: /PostgreSQL was not reached\. 127\.0\.0\.1:1: .*ECONNREFUSED/,
    engine: () => `postgres://coatcheck:${password}@127.0.0.1:1/none`,
  },
  {
    cause: 'two addresses where no database listens',
    says: /127\.0\.0\.1:1: .* 127\.0\.0\.1:2: /,
    engine: () => `postgres://coatcheck:${password}@127.0.0.1:1,127.0.0.1:2/none`,
  },
  {
    cause: 'a wrong password',
    says: /password authentication failed for user "coatcheck"/,
    engine: () => withPassword(postgres.url, wrongPassword),
  },
  {
    cause: 'no password',
    says: /password/,
    engine: () => postgres.url,
  },
  {
    cause: 'a database that does not exist',
    says: /database "none" does not exist/,
    engine: () => withPassword(postgres.urlOf('none')),
  },
  {
    cause: 'replication, which the database does not have',
    says: /--durability replicated can't be kept: .* on one machine's disk only/,
    args: ['--durability', 'replicated'],
    engine: () => withPassword(database()),
  },
  {
    cause: 'tables of a newer Coatcheck',
    says: /newer Coatcheck/,
    engine: async () => {
      const url = withPassword(database())
      const engine = await openPostgres(parsePostgresAddress(url))
      await engine.close()
      await postgres.query('update coatcheck_schema set version = 99', url)
      return url
    },
  },
  {
    cause: 'data of a newer format',
    says: /newer Coatcheck/,
    engine: async () => {
      const url = withPassword(database())
      const engine = await openPostgres(parsePostgresAddress(url))
      const value = Buffer.from(JSON.stringify({ version: 99 }))
      await engine.commit({ puts: [{ key: Buffer.from('f'), value }] })
      await engine.close()
      return url
    },
  },
  {
    cause: 'an address with a password that is not percent-encoded',
    says: /percent-encoded/,
    code: 2,
    engine: () => `postgres://coatcheck:${password}/@127.0.0.1/none`,
  },
  {
    cause: 'an address with an unknown parameter',
    says: /no parameter "timeout"/,
    code: 2,
    engine: () => `postgres://coatcheck:${password}@127.0.0.1/none?timeout=1`,
  },
]

describe('a server on PostgreSQL that cannot start says why in one sentence', () => {
  // The first cause ends a process of its own, as for a user.
  const causes = refusals.map((refusal, index) => ({
    ...refusal,
    run: index === 0 ? runCoatcheck : runInProcess,
  }))
  it.each(causes)('$cause', async ({ engine, says, code = 1, args = [], run }) => {
    const { stdout, stderr, ...end } = await serveInVain(await engine(), { args, run })
    expect(stderr).toMatch(oneSentence)
    expect(stderr).toMatch(says)
    expect(stderr).not.toContain('canary')
    expect({ stdout, code: end.code }).toEqual({ stdout: '', code })
  })

  it('a password file that others may read', async () => {
    const file = join(createTestFolder(), 'passwords')
    writeFileSync(file, `*:*:*:*:${password}\n`, { mode: 0o644 })
    const { code, stderr } = await serveInVain(postgres.url, {
      env: { PGPASSFILE: file },
      run: runInProcess,
    })
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(oneSentence) })
    expect(stderr).toContain(file)
  })
})

describe('the password of the database', () => {
  it.each(['COATCHECK_ENGINE', 'PGPASSWORD', 'PGPASSFILE', 'the config file'])(
    'comes from %s, and appears nowhere else',
    async (source) => {
      const { args, env } = settingsOf(source, database())
      const server = await ServerProcess.start({ data: createTestFolder(), args, env })
      const remote = new Remote(server.url)
      const { token } = server
      const told = [
        (await remote.send('/health')).text,
        (await remote.send('/health', { token })).text,
        (await remote.send('/v2/key-value-stores', { token })).text,
        execFileSync('ps', ['-ef'], { encoding: 'utf8' }),
      ]
      const commands = new DataCommands(server.data, env)
      told.push(await commands.out('status'), await commands.out('user', 'list'))
      expect(await server.stop()).toBe(0)
      expect(server.problems).toEqual([])
      for (const text of [...told, server.stdout]) expect(text).not.toContain(password)
      expect(filesWith(server.data, password)).toEqual([])
    },
  )

  it('may be on the command line, with a warning that does not repeat it', async () => {
    const args = ['--engine', withPassword(database())]
    const server = await ServerProcess.start({ data: createTestFolder(), args })
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200)
    expect(server.stderr).toMatch(
      /^\S+ All users of this machine can read the password in --engine [^\n]+\n\S+ A NEW INSTALLATION [^\n]+\n$/,
    )
    const { code, stderr } = await new DataCommands(server.data).run('user', 'list', ...args)
    expect(code).toBe(0)
    expect(stderr).toMatch(/^All users of this machine can read the password in --engine [^\n]+\n$/)
    for (const text of [server.stderr, stderr]) expect(text).not.toContain(password)
  })

  it('is in no log when it becomes wrong or the database goes away', async () => {
    const url = withPassword(database())
    const server = await startOwnServer({
      data: createTestFolder(),
      env: { COATCHECK_ENGINE: url },
    })
    const { token } = server
    const others = 'usename is not null and pid <> pg_backend_pid()'
    const end = 'select pg_terminate_backend(pid) from pg_stat_activity'
    await postgres.query(`alter role coatcheck password null; ${end} where ${others}`, url)
    const remote = new Remote(server.url)
    const ask = () => remote.send('/v2/key-value-stores', { token })
    await vi.waitUntil(async () => (await ask()).status === 503, { timeout: 10_000 })
    expect(server.stderr).not.toBe('')
    expect(server.stderr).not.toContain(password)
    expect((await ask()).text).not.toContain('PostgreSQL')
  })
})

/** The settings that give a server the password of the database by `source`. */
function settingsOf(
  source: string,
  url: string,
): { args: readonly string[]; env: Record<string, string> } {
  const file = join(createTestFolder(), 'file')
  const keep = (text: string): void => writeFileSync(file, text, { mode: 0o600 })
  if (source === 'PGPASSWORD') {
    return { args: [], env: { COATCHECK_ENGINE: url, PGPASSWORD: password } }
  }
  if (source === 'PGPASSFILE') {
    keep(`127.0.0.1:${postgres.port}:*:coatcheck:${password}\n`)
    return { args: [], env: { COATCHECK_ENGINE: url, PGPASSFILE: file } }
  }
  const engine = withPassword(url)
  if (source === 'COATCHECK_ENGINE') return { args: [], env: { COATCHECK_ENGINE: engine } }
  keep(JSON.stringify({ engine }))
  return { args: [], env: { COATCHECK_CONFIG: file } }
}

/** The files of a folder, at any depth, that contain a text. */
function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(text))
}
