import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LoadAnswer, LoadPlan, LoadResult, SocketPlan } from './plan.ts'

const generator = fileURLToPath(new URL('generator.ts', import.meta.url))

/** The load generator, as its parent process uses it. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(generator, { serialization: 'advanced', execArgv: [] })

  /** Runs one plan at a time. Rejects if a reply is not as expected, or if the generator ends. */
  run(plan: LoadPlan | SocketPlan): Promise<LoadResult> {
    const { promise, resolve, reject } = Promise.withResolvers<LoadResult>()
    const take = (answer: LoadAnswer): void => {
      if (answer.kind === 'done') resolve(answer.result)
      else reject(new Error(answer.message))
    }
    const fail = (): void => reject(new Error('The load generator ended.'))
    this.#child.once('message', take)
    this.#child.once('exit', fail)
    this.#child.send(plan)
    return promise.finally(() => {
      this.#child.off('message', take)
      this.#child.off('exit', fail)
    })
  }

  /** Resolves once the process has ended. */
  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill()
    await ended
  }
}
