import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { PlainPlan, PlainResult } from './plain-postgres.ts'

const program = fileURLToPath(new URL('plain-postgres.ts', import.meta.url))

/** A plain client of PostgreSQL as its parent sees it. */
export class PlainProcess {
  readonly #child: ChildProcess = fork(program, { execArgv: [] })

  /** One plan at a time. Throws where a statement fails. */
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
