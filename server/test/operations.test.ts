import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { PageNode, PostgresUser } from './support/postgres/page-node.ts'
import { query } from './support/postgres/postgres.ts'
import { until } from './support/postgres/postgres-cluster.ts'
import { coatcheckWords } from './support/processes/command.ts'
import { freePort } from './support/processes/free-port.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
const secret = 'the-password-of-these-tests'
const token = 'a-token-of-my-own-with-many-characters'

/** The machines of the page. Each has an address of its own on this machine. */
const addresses: Readonly<Record<string, string>> = {
  db1: '127.0.0.2',
  db2: '127.0.0.3',
  db3: '127.0.0.4',
  db9: '127.0.0.9',
}

/** A code block of the page. */
interface Block {
  readonly language: string
  readonly text: string
}

const blocks: readonly Block[] = [...page.matchAll(/^( *)```(\w+)\n([\s\S]*?)\n *```$/gm)].map(
  ([, indent = '', language = '', text = '']) => ({
    language,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }),
)
const used = new Set<Block>()

/** A place in PostgreSQL's log, such as `0/3000148`. */
function position(text: string): bigint {
  const [high = '', low = ''] = text.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}

/** The one block of the page with these words. */
function block(words: string): string {
  const found = blocks.filter(({ text }) => text.includes(words))
  const [one] = found
  if (!one || found.length > 1) throw new Error(`${found.length} blocks have "${words}".`)
  used.add(one)
  return one.text
}

// Nothing of this is changed in the commands but names of machines, places and passwords, and TLS,
// for which the test has no certificates.
describe('docs/operations.md, word for word', { timeout: 180_000 }, () => {
  const root = mkdtempSync(join(tmpdir(), 'coatcheck-operations-'))
  const user = new PostgresUser(root)
  const nodes = new Map<string, PageNode>()
  const passwords = join(root, 'own-passwords')
  let port = 0
  let archive = ''
  let server: ServerProcess | OwnServer | undefined
  /** Which node takes the writes. */
  let primary = 'db1'

  beforeAll(async () => {
    port = await freePort()
    archive = user.makeFolder('wal')
    const line = /`(\*:\*:\*:replicator:SECRET)`/.exec(page)?.[1] ?? ''
    user.writeFile(join(root, '.pgpass'), `${localized(line)}\n`)
    const everybody = ['postgres', 'coatcheck', 'replicator']
    const lines = everybody.map((name) => `*:*:*:${name}:${secret}\n`)
    writeFileSync(passwords, lines.join(''), { mode: 0o600 })
  })

  afterAll(async () => {
    for (const node of nodes.values()) await node.stop()
    rmSync(root, { recursive: true, force: true })
  })

  // One test, since a server ends with the test that has started it.
  it('sets up a cluster, restores a dump, fails over by hand, and restores to a point in time', async () => {
    await setUp()
    await serve()
    await dumpAndRestore()
    await takeOver()
    await restoreToTime()
  })

  it('backs up a folder of LMDB', async () => {
    const folder = createTestFolder()
    const own = await startOwnServer({ data: join(folder, 'coatcheck-data') })
    await (await new Client(own).openStore('kept')).put('key', 'value')
    await own.stop()
    const copy = block('cp -a ./coatcheck-data').replaceAll('/mnt/backup', join(folder, 'backup'))
    const { stdout } = await shell(`cd ${folder}\nmkdir backup\n${copy}`)
    expect(stdout).toContain('1 stores, 1 records, 5 bytes: everything is sound')
  })

  it('shows and confirms the clock of a server', async () => {
    const data = createTestFolder()
    await startOwnServer({ data })
    const { stdout } = await shell(`export COATCHECK_DATA=${data}\n${block('clock show')}`)
    expect(stdout.match(/^expiry\tas usual$/gm)).toHaveLength(2)
  })

  it('has no other commands but these', () => {
    const others = blocks.filter((one) => !used.has(one))
    expect(others.map(({ text }) => text.split('\n', 1)[0])).toEqual([
      'COATCHECK_INITIAL_TOKEN=... npm start -- --host 0.0.0.0 --public-url https://store.example.com',
      'npm test -- server/test/failover.test.ts                     # nine faults, about a minute',
    ])
  })

  async function setUp(): Promise<void> {
    const first = openNode('db1')
    await first.init(secret)
    writeSettings(first)
    writeRules(first)
    await first.start()
    await sql('db1', block('grant pg_monitor to coatcheck;                 --'))
    const make = block('--write-recovery-conf')
    for (const name of ['db2', 'db3']) {
      const standby = openNode(name)
      const own = make
        .replace('application_name=db2', `application_name=${name}`)
        .replace('/var/lib/postgresql/15/main', standby.folder)
      await shellOfPostgres(own, root)
      await standby.start()
    }
    await untilFollowed('db1', ['db2', 'db3'])
  }

  async function serve(): Promise<void> {
    const { exports, commands } = splitServe(block('coatcheck serve --durability replicated'))
    const [serve = '', status = ''] = commands
    const words = serve.replace('coatcheck serve', '').trim().split(' ')
    server = await ServerProcess.start(optionsOf(exports, words))
    const { stdout } = await shell(`${status} --data ${server.data}`, exports)
    const [, promise] = /# (promise: [^.]+)\.\.\./.exec(block('coatcheck status')) ?? []
    expect(stdout.replaceAll('\t', ': ')).toContain(promise?.trim())
    const store = await client().openStore('kept')
    expect((await store.put('first', 'one')).status).toBe(201)
  }

  async function dumpAndRestore(): Promise<void> {
    const before = await revision()
    await shell(block('pg_dump --host db2'))
    const fresh = openNode('db9')
    await fresh.init(secret)
    writeRules(fresh)
    await fresh.start()
    const roles = blocks.find(({ text }) => text.endsWith('grant pg_monitor to coatcheck;'))
    if (roles) used.add(roles)
    await sql('db9', roles?.text ?? '')
    await shell(block('createdb --host db9'))
    const { stdout } = await shell(block('coatcheck check --engine'))
    expect(stdout).toContain('everything is sound')
    const restored = await startOwnServer(optionsOf(urlOf('db9'), []))
    const store = await client(restored).openStore('kept')
    expect((await store.get('first')).body.toString()).toBe('one')
    // A revision that no client has seen before.
    expect(await revision(restored)).toBeGreaterThan(before)
    await restored.stop()
    await fresh.stop()
    nodes.delete('db9')
    rmSync(fresh.folder, { recursive: true })
  }

  async function takeOver(): Promise<void> {
    const store = await client().openStore('kept')
    await nodes.get('db1')?.stop()
    const asked = block('pg_last_wal_receive_lsn')
    const [two, three] = [position(await sql('db2', asked)), position(await sql('db3', asked))]
    const [next, other] = three > two ? ['db3', 'db2'] : ['db2', 'db3']
    primary = next
    await sql(next, block('pg_promote'))
    const point = block('primary_conninfo').replace('host=db2', `host=${next}`)
    await sql(other, point.replace('application_name=db3', `application_name=${other}`))
    await untilFollowed(next, [other])
    await until('the server writes again', async () => {
      const { status } = await store.put('second', 'two')
      return status === 201
    })
    expect((await store.get('first')).body.toString()).toBe('one')
    rmSync(nodes.get('db1')?.folder ?? '', { recursive: true })
    const again = openNode('db1')
    const make = block('--write-recovery-conf').replace('host=db1', `host=${next}`)
    const own = make
      .replace('application_name=db2', 'application_name=db1')
      .replace('/var/lib/postgresql/15/main', again.folder)
    await shellOfPostgres(own, root)
    await again.start()
    await untilFollowed(next, ['db1', other])
  }

  async function restoreToTime(): Promise<void> {
    const base = join(root, 'base')
    await shellOfPostgres(block('pg_verifybackup'), root)
    const store = await client().openStore('kept')
    await store.put('third', 'before the time')
    const time = await sql(primary, 'select clock_timestamp()')
    await store.put('third', 'after the time')
    const before = await revision()
    expect(page).toContain('`select pg_switch_wal();`')
    const file = await sql(primary, 'select pg_walfile_name(pg_switch_wal())')
    await until('the log is archived', () => existsSync(join(archive, file)))
    await server?.stop()
    for (const node of nodes.values()) await node.stop()
    const restored = openNode('db9')
    await promisify(execFile)('cp', ['-a', base, restored.folder])
    const asked = block('recovery_target_time')
    const [, example = ''] = /recovery_target_time = '([^']+)'/.exec(asked) ?? []
    await shellOfPostgres(asked.replace(example, time), restored.folder)
    const archived = new Set(await shellLines(`ls ${archive}`))
    await restored.start()
    await until(
      'it takes writes',
      async () => (await ask('db9', 'show transaction_read_only')) === 'off',
    )
    const { stdout } = await shell(block('coatcheck check --engine'))
    expect(stdout).toContain('everything is sound')
    server = await startOwnServer(optionsOf(urlOf('db9'), []))
    const again = await client().openStore('kept')
    expect((await again.get('third')).body.toString()).toBe('before the time')
    expect(await revision()).toBeGreaterThan(before)
    await server.stop()
    // With archive_mode on, the new timeline would now be among the files that were restored from.
    await sql('db9', 'select pg_switch_wal()')
    expect(await sql('db9', 'show archive_mode')).toBe('off')
    expect(new Set(await shellLines(`ls ${archive}`))).toEqual(archived)
  }

  function openNode(name: string): PageNode {
    const place = { address: addresses[name] ?? '', port }
    const node = new PageNode(user, join(root, name), place)
    nodes.set(name, node)
    return node
  }

  function writeSettings({ folder }: PageNode): void {
    const settings = localized(block("synchronous_standby_names = 'ANY"))
    const file = join(folder, 'postgresql.conf')
    user.writeFile(file, `${readFileSync(file, 'utf8')}\n${settings}\n`)
  }

  function writeRules({ folder }: PageNode): void {
    const rules = block('TYPE   DATABASE').replaceAll('hostssl', 'host   ')
    const local = rules.replaceAll('10.0.0.0/24', '127.0.0.0/8')
    user.writeFile(join(folder, 'pg_hba.conf'), `${local}\n`)
  }

  /** The names, places and passwords of the page become those of this test. */
  function localized(text: string): string {
    const named = (part: string): string =>
      part.replaceAll(/\bdb\d\b/g, (name) => addresses[name] ?? name)
    return text
      .replaceAll(/postgres:\/\/[^\s'"]+/g, named)
      .replaceAll(/(host=|--host )db\d/g, named)
      .replaceAll('SECRET', secret)
      .replaceAll('/backup/wal', archive)
      .replaceAll('/backup/base', join(root, 'base'))
      .replaceAll('/etc/coatcheck/pgpass', passwords)
      .replaceAll('verify-full', 'disable')
  }

  /** Runs commands as an operator does, who knows the passwords. Throws if one fails. */
  async function shell(commands: string, env: Readonly<Record<string, string>> = {}) {
    const words = coatcheckWords([]).map((word) => `'${word}'`)
    const coatcheck = `coatcheck() { ${words.join(' ')} "$@"; }`
    const usual = { PGPASSFILE: passwords, PGPORT: String(port) }
    const { uid: _, gid: __, ...options } = user.options(root, { ...usual, ...env })
    const script = `${coatcheck}\n${localized(commands)}`
    return promisify(execFile)('bash', ['-ec', script], options)
  }

  async function shellLines(command: string): Promise<string[]> {
    return (await shell(command)).stdout.split('\n').filter(Boolean)
  }

  /** Runs commands as the user that PostgreSQL runs as, who has a ~/.pgpass. */
  async function shellOfPostgres(commands: string, folder: string): Promise<void> {
    const options = user.options(folder, { PGPORT: String(port) })
    await promisify(execFile)('bash', ['-ec', localized(commands)], options)
  }

  /** Runs statements as the administrator of a node. Returns what they print. */
  async function sql(name: string, statements: string): Promise<string> {
    const words = ['--host', addresses[name] ?? '', '--username', 'postgres', '--no-psqlrc']
    const all = [...words, '--quiet', '--tuples-only', '--no-align', '--set', 'ON_ERROR_STOP=1']
    const {
      uid: _,
      gid: __,
      ...options
    } = user.options(root, {
      PGPASSFILE: passwords,
      PGPORT: String(port),
    })
    const child = spawn('psql', [...all, 'postgres'], options)
    let output = ''
    let errors = ''
    child.stdout.on('data', (part) => {
      output += part
    })
    child.stderr.on('data', (part) => {
      errors += part
    })
    child.stdin.end(localized(statements))
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    return output.trim()
  }

  /** What a query with one cell answers. As `sql`, without a process each time. */
  async function ask(name: string, text: string): Promise<unknown> {
    const [row = {}] = await query(
      text,
      `postgres://postgres:${secret}@${addresses[name]}:${port}/postgres`,
    )
    return Object.values(row)[0]
  }

  async function untilFollowed(primary: string, names: readonly string[]): Promise<void> {
    const followers =
      "select string_agg(application_name, ' ' order by application_name) " +
      "from pg_stat_replication where sync_state = 'quorum' and state = 'streaming'"
    await until(
      'the standbys follow',
      async () => (await ask(primary, followers)) === names.join(' '),
    )
  }

  function urlOf(name: string): Record<string, string> {
    return { COATCHECK_ENGINE: localized(`postgres://coatcheck@${name}/coatcheck?sslmode=disable`) }
  }

  function optionsOf(env: Readonly<Record<string, string>>, args: readonly string[]) {
    const usual = { PGPASSFILE: passwords, PGPORT: String(port), COATCHECK_INITIAL_TOKEN: token }
    const data = mkdtempSync(join(root, 'data-'))
    return { data, args, env: { ...usual, ...env } }
  }

  function client(of = server): Client {
    return new Client({ url: of?.url ?? '', token })
  }

  /** A revision that a client sees now. */
  async function revision(of = server): Promise<number> {
    const { headers } = await (await client(of).openStore('kept')).put('now', 'x')
    return Number(/"(\d+)/.exec(String(headers.etag))?.[1])
  }

  /** The variables and the commands of the block that serves. */
  function splitServe(text: string): { exports: Record<string, string>; commands: string[] } {
    const lines = localized(text)
      .split('\n')
      .map((line) => line.replace(/ +#.*/, ''))
    const commands = lines.filter((line) => line.startsWith('coatcheck '))
    const exports = lines.flatMap((line) => {
      const [, name = '', value = ''] = /^export (\w+)='?([^']*)'?$/.exec(line) ?? []
      return name === '' ? [] : [[name, value === '...' ? token : value] as const]
    })
    return { exports: Object.fromEntries(exports), commands }
  }
})
