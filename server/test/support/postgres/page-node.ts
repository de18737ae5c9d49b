import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ProcessOutput } from '../processes/process-output.ts'
import { unprivilegedUser } from './postgres.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'

const readyPattern = /ready to accept (read-only )?connections/
const lookAgainMs = 20

/** Keeps several of them on a small machine; all other settings come from the page. */
const smallSettings = [
  'unix_socket_directories=',
  'dynamic_shared_memory_type=mmap',
  'shared_buffers=32MB',
  'wal_retrieve_retry_interval=50ms',
]

/** The user that PostgreSQL runs as, and its home folder. */
export class PostgresUser {
  readonly home: string
  readonly #ids: { readonly uid?: number; readonly gid?: number }

  constructor(home: string) {
    this.home = home
    this.#ids = process.getuid?.() === 0 ? unprivilegedUser() : {}
    this.own(home)
  }

  makeFolder(name: string): string {
    const path = join(this.home, name)
    mkdirSync(path, { mode: 0o700 })
    this.own(path)
    return path
  }

  writeFile(path: string, text: string): void {
    writeFileSync(path, text, { mode: 0o600 })
    this.own(path)
  }

  own(path: string): void {
    const { uid, gid } = this.#ids
    if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
  }

  /** For a process of this user in `folder`. It finds the programs of PostgreSQL. */
  options(folder: string, env: Readonly<Record<string, string>> = {}) {
    const path = `${findPostgresBinaries()}:${process.env.PATH}`
    const usual = { PATH: path, HOME: this.home, LC_ALL: 'C', TZ: 'UTC' }
    return { ...this.#ids, cwd: folder, env: { ...usual, ...env } }
  }
}

/** A PostgreSQL with an address of its own, as on a machine of its own. */
export class PageNode {
  readonly folder: string
  readonly #user: PostgresUser
  readonly #place: { readonly address: string; readonly port: number }
  #child: ChildProcess | undefined
  readonly #endWithTests = (): void => void this.#child?.kill('SIGQUIT')

  /** `folder` is where its data is, or will be. */
  constructor(user: PostgresUser, folder: string, place: { address: string; port: number }) {
    this.#user = user
    this.folder = folder
    this.#place = place
    process.once('exit', this.#endWithTests)
  }

  async init(password: string): Promise<void> {
    const file = join(this.#user.home, 'password-of-postgres')
    this.#user.writeFile(file, `${password}\n`)
    const words = ['--data-checksums', '--username=postgres', `--pwfile=${file}`, '--no-sync']
    // Small segments: a new one is filled with zeros, and each is archived as a whole.
    const small = ['--wal-segsize=1', '--auth=scram-sha-256', '--encoding=UTF8']
    const all = [...words, ...small, '--pgdata', this.folder]
    await promisify(execFile)('initdb', all, this.#user.options(this.#user.home))
  }

  /** Resolves once it takes connections. */
  async start(): Promise<void> {
    const { address, port } = this.#place
    const settings = [...smallSettings, `listen_addresses=${address}`, `port=${port}`]
    const words = settings.flatMap((setting) => ['-c', setting])
    const child = spawn('postgres', ['-D', this.folder, ...words], {
      // Connections to another node that name no port use the usual one.
      ...this.#user.options(this.folder, { PGPORT: String(port) }),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    const output = new ProcessOutput(child.stderr)
    while (!readyPattern.test(output.text)) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`PostgreSQL did not start: ${output.text}`)
      }
      await sleep(lookAgainMs)
    }
  }

  /** Ends it at once; what it has written is on disk. Does nothing if it does not run. */
  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGQUIT')
    await gone
    process.removeListener('exit', this.#endWithTests)
  }
}
