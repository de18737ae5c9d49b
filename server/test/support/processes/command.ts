import { AsyncLocalStorage } from 'node:async_hooks'
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { runCli } from '../../../src/cli/cli.ts'
import { ProcessOutput } from './process-output.ts'

/** A command line of Coatcheck. It runs from the build, which is made before all tests. */
export interface Command {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Words before the command, such as `strace` and its options. */
  readonly under?: readonly string[]
}

export interface Finished {
  /** Null: the process was ended by a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const program = fileURLToPath(new URL('../../../bin/coatcheck.js', import.meta.url))

/** The words that run a command line of Coatcheck. */
export function coatcheckWords(args: readonly string[]): string[] {
  return [process.execPath, program, ...args]
}

/** Starts a command line of Coatcheck with no settings but the given ones. */
export function spawnCoatcheck({ args, env = {}, under = [] }: Command): {
  child: ChildProcess
  stdout: ProcessOutput
  stderr: ProcessOutput
} {
  const [file = '', ...rest] = [...under, ...coatcheckWords(args)]
  const child = spawn(file, rest, {
    env: { ...withoutSettings(process.env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return {
    child,
    stdout: new ProcessOutput(child.stdout),
    stderr: new ProcessOutput(child.stderr),
  }
}

/** Runs a command line of Coatcheck to its end, or to the end of the test. */
export async function runCoatcheck(command: Command): Promise<Finished> {
  const { child, stdout, stderr } = spawnCoatcheck(command)
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  onTestFinished(() => void child.kill('SIGKILL'))
  const code = await promise
  return { code, stdout: stdout.text, stderr: stderr.text }
}

/**
 * Runs a command line in this process: the same code, ten times as fast, since nothing has to be
 * loaded. Whatever it prints is kept from the terminal. For commands that end by themselves.
 */
export async function runInProcess({ args, env = {} }: Command): Promise<Finished> {
  capturePrints()
  const printed = { stdout: '', stderr: '' }
  const settings = { ...withoutSettings(process.env), ...env }
  const code = await printing.run(printed, () => runCli(args, settings))
  return { code, ...printed }
}

const printing = new AsyncLocalStorage<{ stdout: string; stderr: string }>()
let isCapturing = false

/** Once a process: what a command prints goes to its own `printing`, all else to the terminal. */
function capturePrints(): void {
  if (isCapturing) return
  isCapturing = true
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name]
    const write = stream.write.bind(stream)
    stream.setMaxListeners(0)
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const printed = printing.getStore()
      if (!printed) return Reflect.apply(write, stream, [chunk, ...rest])
      printed[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
      return true
    }
  }
}

/** `coatcheck check` on a folder that nobody serves. */
export function checkFolder(data: string): Promise<Finished> {
  return runInProcess({ args: ['check', '--data', data] })
}

/** Removes the developer's own settings for Coatcheck and PostgreSQL. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(COATCHECK_|PG[A-Z])/.test(name)),
  )
}
