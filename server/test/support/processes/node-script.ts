import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finished } from './command.ts'
import { ProcessOutput } from './process-output.ts'

export interface NodeScript {
  readonly file: string
  readonly args?: readonly string[]
  /** The whole environment besides PATH and the compile cache: no settings of the developer. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

/** A script that runs longer than this counts as hanging. */
const scriptMs = 60_000

/** Runs an external program on the project's Node to its end. */
export async function runNodeScript({ file, args = [], env, cwd }: NodeScript): Promise<Finished> {
  const child = spawn(process.execPath, [file, ...args], {
    cwd,
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: scriptMs,
    killSignal: 'SIGKILL',
  })
  const stdout = new ProcessOutput(child.stdout)
  const stderr = new ProcessOutput(child.stderr)
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  const code = await promise
  return { code, stdout: stdout.text, stderr: stderr.text }
}

/** Calls `use` with an empty folder, and deletes the folder afterwards. */
export async function inScratchFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-test-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
