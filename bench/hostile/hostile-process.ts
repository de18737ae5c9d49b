import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order, Report, Target } from './attack.ts'

const client = fileURLToPath(new URL('client.ts', import.meta.url))

/** A hostile client, as its parent process uses it. */
export class HostileProcess {
  readonly #child: ChildProcess = fork(client, { serialization: 'advanced', execArgv: [] })

  /** Fills the server. Rejects if that fails. */
  async prepare(attack: string, target: Target): Promise<void> {
    const prepared = Promise.withResolvers<void>()
    this.#child.once('message', (report: Report) => {
      if (report.kind === 'prepared') prepared.resolve()
      else prepared.reject(new Error(report.message))
    })
    this.#child.once('exit', () => prepared.reject(new Error('The hostile client ended.')))
    this.#send({ attack, target })
    await prepared.promise
  }

  start(): void {
    this.#send('go')
  }

  /** Resolves once the process has ended. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  #send(order: Order): void {
    this.#child.send(order)
  }
}
