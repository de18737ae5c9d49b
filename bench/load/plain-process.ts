import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { PlainPlan, PlainResult } from './plain-postgres.ts'

const program = fileURLToPath(new URL('plain-postgres.ts', import.meta.url))

/** The plain client of PostgreSQL, as its parent process uses it. */
export class PlainProcess {
  readonly #child: ChildProcess = fork(program, { execArgv: [] })

  /** Runs one plan at a time. Rejects if a statement fails. */
  async run(plan: PlainPlan): Promise<PlainResult> {
    this.#child.send(plan)
    const [answer]: { result?: PlainResult; failure?: string }[] = await once(
      this.#child,
      'message',
    )
    if (answer?.result) return answer.result
    throw new Error(answer?.failure ?? 'The plain client ended.')
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill()
    await ended
  }
}
