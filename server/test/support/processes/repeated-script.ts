import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Finished } from './command.ts'
import type { NodeScript } from './node-script.ts'

const child = fileURLToPath(new URL('repeated-script-child.ts', import.meta.url))

/**
 * Runs an external program with other arguments each time, in one process: for programs that take
 * seconds to load. The program must end by itself, without `process.exit`.
 */
export class RepeatedScript {
  readonly #child: ChildProcess

  constructor({ file, env, cwd }: Omit<NodeScript, 'args'>) {
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
    this.#child = fork(child, [file], {
      cwd,
      env: { PATH: process.env.PATH, ...env },
      stdio: [...stdio],
    })
  }

  /** Runs it to its end. Throws if its process has ended. */
  async run(...args: readonly string[]): Promise<Finished> {
    const late = new AbortController()
    const ended = once(this.#child, 'exit', { signal: late.signal }).then(([code]) => {
      throw new Error(`The process of the program has ended with ${code}.`)
    })
    const finished = once(this.#child, 'message', { signal: late.signal })
    this.#child.send(args)
    try {
      const [result] = await Promise.race([finished, ended])
      return result
    } finally {
      late.abort()
      await Promise.allSettled([ended, finished])
    }
  }

  end(): void {
    this.#child.kill()
  }
}
