import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { cpuMsOf, type Memory, memoryOf } from './process-usage.ts'

/** The token of every Coatcheck that is measured. */
export const token = 'benchmark-token-of-32-chars-or-more'

const startMsMax = 30_000
const bareServer = fileURLToPath(new URL('bare-server.ts', import.meta.url))
const bareSocketServer = fileURLToPath(new URL('bare-socket-server.ts', import.meta.url))
const echoSocketServer = fileURLToPath(new URL('echo-socket-server.ts', import.meta.url))

/** How a Coatcheck is started. */
export interface CoatcheckOptions {
  /** The program, `coatcheck.js`. */
  readonly program: string
  /** `lmdb`, `memory`, or the address of a database. */
  readonly engine: string
  /** Made if missing. */
  readonly data: string
  /** Flags for Node, such as those of its profiler. */
  readonly nodeFlags?: readonly string[]
}

/** A server in a process of its own, on a free port of 127.0.0.1. */
export class ServerProcess {
  readonly port: number
  readonly #child: ChildProcess
  readonly #id: number

  private constructor(child: ChildProcess, { id, port }: { id: number; port: number }) {
    this.#child = child
    this.#id = id
    this.port = port
  }

  static async startCoatcheck(options: CoatcheckOptions): Promise<ServerProcess> {
    const { program, engine, data, nodeFlags = [] } = options
    const serve = ['serve', '--port', '0', '--nemesis-port', 'off', '--engine', engine]
    return ServerProcess.#start([...nodeFlags, program, ...serve, '--data', data])
  }

  static async startBare(): Promise<ServerProcess> {
    return ServerProcess.#start([bareServer])
  }

  /** The bare `ws`. */
  static async startBareSocket(): Promise<ServerProcess> {
    return ServerProcess.#start([bareSocketServer])
  }

  /** Our own transport with nothing behind it. */
  static async startEchoSocket(nodeFlags: readonly string[]): Promise<ServerProcess> {
    return ServerProcess.#start([...nodeFlags, echoSocketServer])
  }

  static async #start(args: readonly string[]): Promise<ServerProcess> {
    const child = spawn(process.execPath, args, {
      env: { ...otherVariables(), COATCHECK_INITIAL_TOKEN: token },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const port = await portOf(child, args)
    if (child.pid === undefined) throw new Error('A process that listens has an id.')
    return new ServerProcess(child, { id: child.pid, port })
  }

  /** User and system time so far, in ms. */
  cpuMs(): number {
    return cpuMsOf(this.#id)
  }

  memory(): Memory {
    return memoryOf(this.#id)
  }

  /** Resolves once the process has ended. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }
}

/** The environment without settings of Coatcheck, which would change what is measured. */
function otherVariables(): Record<string, string | undefined> {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('COATCHECK_'))
  return Object.fromEntries(others)
}

/** All servers say where they listen in their last line on stdout. */
function portOf(child: ChildProcess, args: readonly string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let output = ''
  const fail = (): void => {
    child.kill()
    reject(new Error(`"node ${args.join(' ')}" does not listen: ${output}`))
  }
  const deadline = setTimeout(fail, startMsMax)
  child.stdout?.on('data', (part: Buffer) => {
    output += part.toString()
    const port = /listening on (?:http|ws):\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1]
    if (port !== undefined) resolve(Number(port))
  })
  child.once('error', fail)
  child.once('exit', fail)
  return promise.finally(() => {
    clearTimeout(deadline)
    child.off('exit', fail)
  })
}
