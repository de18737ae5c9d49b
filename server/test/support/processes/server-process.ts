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
  /** Words before the command; this program must become the parent of the server. */
  readonly under?: readonly string[]
}

const readyPattern = /^Coatcheck is listening on (http:\S+)$/m
const tokenFilePattern = /^Your token is in (.+)$/m
const lookAgainMs = 5

/** A `coatcheck serve` in a process of its own, as a user would start it. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #stdout: ProcessOutput
  readonly #stderr: ProcessOutput
  readonly #closed: Promise<number | null>
  readonly #isWrapped: boolean
  /** Its data folder; '' if the server chooses it itself. */
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

  /** Starts the process, without waiting until it is ready. It ends with the test. */
  static spawn({ data, args = [], ...rest }: ServeOptions): ServerProcess {
    const words = ['serve', '--data', data, '--port', '0', ...args]
    // The default NemesisDB port can be used once on a machine; flags override this variable.
    const env = { COATCHECK_NEMESIS_PORT: 'off', ...rest.env }
    const server = new ServerProcess({ args: words, ...rest, env }, data)
    onTestFinished(() => server.kill())
    return server
  }

  /** Starts a server with the given words only: it chooses its data folder itself. */
  static spawnWith(command: Command): ServerProcess {
    const server = new ServerProcess(command, '')
    onTestFinished(() => server.kill())
    return server
  }

  /** Resolves when the server says that it listens. Throws with its output if it ends before. */
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

  /** The token of the first start: from the file that the output names, or else the data folder. */
  get token(): string {
    const named = tokenFilePattern.exec(this.stdout)?.[1]
    return readFileSync(named ?? join(this.data, 'first-token'), 'utf8').trim()
  }

  /** The process id of the server itself, not of the program that it runs under. */
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

  /** Its log without the lines that tell of a first start and of its stop. */
  get problems(): string[] {
    return problemsIn(this.stderr)
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  /** Resolves with the exit code when the process has ended; null: ended by a signal. */
  exit(): Promise<number | null> {
    return this.#closed
  }

  /** Asks the server to stop and returns the exit code. */
  async stop(): Promise<number | null> {
    if (!this.hasExited) this.signal('SIGTERM')
    return this.exit()
  }

  /** Kills the process without warning, as a power cut would. */
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

/** The lines of a log that do not tell of a first start or a stop. */
export function problemsIn(log: string): string[] {
  const usual =
    /^\S+ (Coatcheck (is stopping: it received \w+|has stopped)$|A NEW INSTALLATION was made in )/
  return log.split('\n').filter((line) => line !== '' && !usual.test(line))
}

/** The child of a process; undefined if it has ended. */
function childOf(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children === '' ? undefined : Number(children.split(' ')[0])
}
