import { spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { coatcheckWords } from './command.ts'
import { ProcessOutput } from './process-output.ts'

interface TerminalOptions {
  readonly columns?: number
  readonly env?: Readonly<Record<string, string>>
  /** The words that run another program instead of Coatcheck. */
  readonly program?: readonly string[]
}

/** A command line of Coatcheck on its own terminal, which `script` of util-linux makes. */
export class TerminalCommand {
  readonly #child
  readonly #output: ProcessOutput
  readonly #closed: Promise<number | null>

  constructor(
    args: readonly string[],
    { columns = 200, env = {}, program = coatcheckWords([]) }: TerminalOptions = {},
  ) {
    const words = [...program, ...args].map((word) => `'${word}'`)
    const command = `stty cols ${columns}; exec ${words.join(' ')}`
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...withoutSettings(), ...env },
    })
    this.#output = new ProcessOutput(this.#child.stdout)
    const { promise, resolve, reject } = Promise.withResolvers<number | null>()
    this.#child.once('error', reject)
    this.#child.once('close', resolve)
    this.#closed = promise
    onTestFinished(() => void this.#child.kill('SIGKILL'))
  }

  /** The text on the terminal so far. */
  get text(): string {
    return this.#output.text.replaceAll('\r\n', '\n')
  }

  /** Resolves when the terminal shows `text`. */
  async shows(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      const tick = new Promise((resolve) => setTimeout(resolve, 5))
      const end = await Promise.race([tick, this.#closed])
      if (end !== undefined) throw new Error(`The command ended with ${end}: ${this.text}`)
    }
  }

  type(text: string): void {
    this.#child.stdin.write(text)
  }

  /** Closes the terminal, as if somebody closed its window. */
  close(): void {
    this.#child.kill('SIGKILL')
  }

  /** The exit code. */
  exit(): Promise<number | null> {
    return this.#closed
  }
}

function withoutSettings(): NodeJS.ProcessEnv {
  const variables = Object.entries(process.env)
  return Object.fromEntries(variables.filter(([name]) => !name.startsWith('COATCHECK_')))
}
