import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chownSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePort } from '../processes/free-port.ts'
import { ProcessOutput } from '../processes/process-output.ts'
import { copyRunning } from './postgres-base-backup.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'

/** Of postgresql.conf; what is given goes before these. */
const smallSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  // A killed one would leave its segments in the machine's shared memory.
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '32MB',
  log_min_messages: 'warning',
  // A standby that has lost its primary is not promoted before the next time that it looks.
  wal_retrieve_retry_interval: '50ms',
}

/**
 * For tests without losses of power: what is written may be lost then. A vacuum for each of
 * hundreds of databases would start a process several times a second.
 */
export const quickSettings: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  checkpoint_timeout: '1h',
}

const readyPattern = /ready to accept (read-only )?connections/
const lookAgainMs = 5
/** Names a folder that `initdb` has filled, in the environment of all processes of the tests. */
const newClusterVariable = 'COATCHECK_TEST_CLUSTER'

export interface PostgresOptions {
  readonly settings?: Readonly<Record<string, string>>
  /** Undefined: any free one. */
  readonly port?: number
}

/**
 * A PostgreSQL of its own, in a folder and on a port of its own, which trusts everybody on
 * 127.0.0.1. It is for one test file: start it in `beforeAll`, `cleanUp` in `afterAll`.
 */
export class PostgresServer {
  readonly dataFolder: string
  readonly port: number
  readonly #binaries: string
  readonly #settings: Readonly<Record<string, string>>
  #child: ChildProcess | undefined
  #output: ProcessOutput | undefined

  /** Nobody is left behind by tests that end before they clean up. */
  readonly #endWithTests = (): void => {
    this.#child?.kill('SIGQUIT')
  }

  private constructor(
    place: { binaries: string; dataFolder: string; port: number },
    settings = {},
  ) {
    this.#binaries = place.binaries
    this.dataFolder = place.dataFolder
    this.port = place.port
    this.#settings = { ...smallSettings, ...settings }
    process.once('exit', this.#endWithTests)
  }

  /** Resolves once it takes connections. Throws where PostgreSQL is not installed. */
  static async start({ settings, port }: PostgresOptions = {}): Promise<PostgresServer> {
    const server = new PostgresServer(await newPlace(port), settings)
    await server.#fillFolder(process.env[newClusterVariable])
    await server.start()
    return server
  }

  /**
   * Makes a folder that all PostgreSQL servers of this process and of its children begin as a copy
   * of: `initdb` takes seven times as long as a copy. Answers the folder.
   */
  static async shareNewCluster(): Promise<string> {
    const server = new PostgresServer(await newPlace())
    await server.#fillFolder()
    process.removeListener('exit', server.#endWithTests)
    process.env[newClusterVariable] = server.dataFolder
    return server.dataFolder
  }

  /** A copy of `primary` that follows it and can be read, until it is promoted. */
  static async startStandbyOf(
    primary: PostgresServer,
    { settings, port }: PostgresOptions = {},
  ): Promise<PostgresServer> {
    const server = new PostgresServer(await newPlace(port), settings)
    const url = `${primary.urlOf('postgres')}?application_name=standby${server.port}`
    const to = server.dataFolder
    if (existsSync(join(server.#binaries, 'pg_basebackup'))) {
      const words = ['--write-recovery-conf', '--checkpoint=fast', '--no-sync']
      await server.run('pg_basebackup', [...words, '--dbname', url, '--pgdata', to])
    } else {
      const { uid, gid } = server.#asUser()
      const user = uid === undefined || gid === undefined ? {} : { uid, gid }
      await copyRunning({ from: { url, dataFolder: primary.dataFolder }, to, user })
    }
    await server.start()
    return server
  }

  /** Of the database that every server has. */
  get url(): string {
    return this.urlOf('postgres')
  }

  urlOf(database: string): string {
    return `postgres://coatcheck@127.0.0.1:${this.port}/${database}`
  }

  /** What it said since it was started. */
  get log(): string {
    return this.#output?.text ?? ''
  }

  /** Starts it again where it was stopped or killed. */
  async start(): Promise<void> {
    while (!(await this.#tryStart())) await sleep(lookAgainMs)
  }

  /** Ends it in order: connections are cut, what was acknowledged is on disk. */
  async stop(): Promise<void> {
    await this.#end('SIGINT')
  }

  /** Ends all of its processes at once, as a power cut would. */
  async kill(): Promise<void> {
    const children = childrenOf(this.pid)
    await this.#end('SIGKILL')
    for (const pid of children) signal(pid, 'SIGKILL')
  }

  /** Stops or continues all of its processes. */
  freeze(isFrozen: boolean): void {
    const name = isFrozen ? 'SIGSTOP' : 'SIGCONT'
    for (const pid of [this.pid, ...childrenOf(this.pid)]) signal(pid, name)
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('This PostgreSQL does not run.')
    return pid
  }

  async cleanUp(): Promise<void> {
    process.removeListener('exit', this.#endWithTests)
    if (this.#child) await this.kill()
    await rm(this.dataFolder, { recursive: true, force: true })
  }

  /** Puts a file into its folder, as its own; it reads it when it is reloaded. */
  writeFile(name: string, text: string): void {
    const file = join(this.dataFolder, name)
    writeFileSync(file, text, { mode: 0o600 })
    this.own(file)
  }

  /**
   * Resolves once it goes by its settings and files as they are: `pg_reload_conf()` only asks for
   * it. A new connection sees when they were read. Whether commits wait for standbys says the
   * checkpointer, which reads its settings before it makes a checkpoint.
   */
  async reload(): Promise<void> {
    const before = await this.#loadTime()
    await this.query('select pg_reload_conf()')
    while ((await this.#loadTime()) === before) await sleep(lookAgainMs)
    await this.query('checkpoint')
  }

  async #loadTime(): Promise<unknown> {
    const [row] = await this.query('select pg_conf_load_time()::text as loaded')
    return row?.loaded
  }

  /** Makes a file or folder its own, as it asks of what it is to use. */
  own(path: string): void {
    const { uid, gid } = this.#asUser()
    if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
  }

  /** A new database, empty or a copy of the one at the URL `template`; answers its URL. */
  createDatabase(options?: { readonly template: string }): Promise<string> {
    return createDatabase(this.url, options)
  }

  /** Asks in a connection of its own, of the database that `url` names. Answers the rows. */
  query(text: string, url: string = this.url): Promise<Record<string, unknown>[]> {
    return query(text, url)
  }

  /** Runs one of PostgreSQL's programs to its end. Throws with its words. */
  async run(program: string, words: readonly string[]): Promise<void> {
    await promisify(execFile)(join(this.#binaries, program), words, this.#asUser())
  }

  async #fillFolder(from?: string): Promise<void> {
    if (from !== undefined) {
      // As the owner of both: PostgreSQL refuses files of somebody else.
      await promisify(execFile)('cp', ['-Rp', `${from}/.`, this.dataFolder], this.#asUser())
      return
    }
    const words = ['--auth=trust', '--username=coatcheck', '--locale=C', '--encoding=UTF8']
    await this.run('initdb', [...words, '--no-sync', '--pgdata', this.dataFolder])
  }

  /** Answers false where a killed one still holds what a new one needs. */
  async #tryStart(): Promise<boolean> {
    const settings = Object.entries({ ...this.#settings, port: String(this.port) })
    const words = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(join(this.#binaries, 'postgres'), ['-D', this.dataFolder, ...words], {
      ...this.#asUser(),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const output = new ProcessOutput(child.stderr)
    while (!readyPattern.test(output.text)) {
      if (child.exitCode !== null || child.signalCode !== null) return isStillHeld(output.text)
      await sleep(lookAgainMs)
    }
    this.#child = child
    this.#output = output
    return true
  }

  async #end(name: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child) throw new Error('This PostgreSQL does not run.')
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(name)
    await gone
    this.#child = undefined
  }

  /** PostgreSQL refuses to run as root. */
  #asUser(): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
    const user = process.getuid?.() === 0 ? unprivilegedUser() : {}
    const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
    return { cwd: this.dataFolder, env, ...user }
  }
}

/** A new, empty database in the server of `url`; answers its URL. */
export async function createDatabase(
  url: string,
  { template }: { readonly template?: string } = {},
): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const copied = template && new URL(template).pathname.slice(1)
  await query(`create database ${name}${copied ? ` template ${copied}` : ''}`, url)
  return url.replace(/[^/]*$/, name)
}

/** Asks in a connection of its own, of the database that `url` names. Answers the rows. */
export async function query(text: string, url: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

function isStillHeld(log: string): false {
  if (/still in use|already in use|lock file .* already exists/.test(log)) return false
  throw new Error(`PostgreSQL did not start: ${log}`)
}

async function newPlace(
  port?: number,
): Promise<{ binaries: string; dataFolder: string; port: number }> {
  const binaries = findPostgresBinaries()
  const dataFolder = mkdtempSync(join(tmpdir(), 'coatcheck-postgres-'))
  if (process.getuid?.() === 0) {
    const { uid, gid } = unprivilegedUser()
    chownSync(dataFolder, uid, gid)
  }
  return { binaries, dataFolder, port: port ?? (await freePort()) }
}

/** The user as which tests that run as root start PostgreSQL. */
export function unprivilegedUser(): { uid: number; gid: number } {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody.')
}

/** Elsewhere than on Linux none: they end by themselves when they miss their parent. */
function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return children === '' ? [] : children.split(' ').map(Number)
  } catch {
    return []
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // It ended by itself meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
