import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { type Command, spawnCoatcheck } from './command.ts'
import type { ProcessOutput } from './process-output.ts'

export interface ServeOptions {
  readonly data: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What stands in front of the command: it must become the server's parent. */
  readonly under?: readonly string[]
}

const readyPattern = /^Coatcheck is listening on (http:\S+)$/m
const tokenPattern = /^Your token is (\S+)/m
const lookAgainMs = 5

/** A `coatcheck serve` in a process of its own, as a user would start it. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #stdout: ProcessOutput
  readonly #stderr: ProcessOutput
  readonly #closed: Promise<number | null>
  readonly #isWrapped: boolean
  /** Its data folder; '' where that is its own affair. */
  readonly data: string

  private constructor(command: Command, data: string) {
    const { child, stdout, stderr } = spawnCoatcheck(command)
    const { promise, resolve, reject } = Promise.withResolvers<number | null>()
    child.once('error', reject)
    child.once('close', resolve)
    this.#child = child
    this.#stdout = stdout
    this.#stderr = stderr
    this.#closed = promise
    this.#isWrapped = command.under !== undefined
    this.data = data
  }

  /** The process as it begins: it may not be ready, and may never be. It ends with the test. */
  static spawn({ data, args = [], ...rest }: ServeOptions): ServerProcess {
    const words = ['serve', '--data', data, '--port', '0', ...args]
    // Its usual port is one for all servers of a machine; flags go before it.
    const env = { COATCHECK_NEMESIS_PORT: 'off', ...rest.env }
    const server = new ServerProcess({ args: words, ...rest, env }, data)
    onTestFinished(() => server.kill())
    return server
  }

  /** With no words but the given ones: where its data lies is its own affair. */
  static spawnWith(command: Command): ServerProcess {
    const server = new ServerProcess(command, '')
    onTestFinished(() => server.kill())
    return server
  }

  /** Resolves once the server says that it listens. Throws with its words where it ends instead. */
  static async start(options: ServeOptions): Promise<ServerProcess> {
    const server = ServerProcess.spawn(options)
    await server.ready()
    return server
  }

  async ready(): Promise<void> {
    let hasEnded = false
    const ended = this.#closed.then(() => {
      hasEnded = true
    })
    while (!readyPattern.test(this.stdout)) {
      if (hasEnded) throw new Error(`The server did not start: ${this.stdout}${this.stderr}`)
      await Promise.race([ended, sleep(lookAgainMs)])
    }
  }

  get url(): string {
    const url = readyPattern.exec(this.stdout)?.[1]
    if (url === undefined) throw new Error('The server does not listen yet.')
    return url
  }

  /** The token of the first start: this one's or that of the folder. */
  get token(): string {
    const printed = tokenPattern.exec(this.stdout)?.[1]
    if (printed !== undefined) return printed
    return readFileSync(join(this.data, 'first-token'), 'utf8').trim()
  }

  /** Of the server itself, not of what it runs under. */
  get pid(): number {
    const pid = this.#findPid()
    if (pid === undefined) throw new Error('The server does not run.')
    return pid
  }

  get stdout(): string {
    return this.#stdout.text
  }

  get stderr(): string {
    return this.#stderr.text
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  /** Resolves with the exit code once the process is gone; null: a signal ended it. */
  exit(): Promise<number | null> {
    return this.#closed
  }

  /** Asks it to stop and answers the exit code. */
  async stop(): Promise<number | null> {
    if (!this.hasExited) this.signal('SIGTERM')
    return this.exit()
  }

  /** Ends it as a power cut would end the process. */
  async kill(): Promise<void> {
    const pid = this.hasExited ? undefined : this.#findPid()
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    await this.exit()
  }

  #findPid(): number | undefined {
    const { pid } = this.#child
    return this.#isWrapped && pid !== undefined ? childOf(pid) : pid
  }
}

/** What runs under a process; undefined once it is gone. */
function childOf(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children === '' ? undefined : Number(children.split(' ')[0])
}
