import { CallLimit } from './call-limit.ts'
import type { RouteCall } from './exchange.ts'
import type { Project } from './project.ts'

/** A call that went well. */
export interface DoneCall {
  readonly kind: 'set' | 'get'
  readonly key: string
}

export type OnDone = (call: DoneCall) => void

/**
 * The calls for data that a page makes of a project: each is one request of its own, none waits for
 * another, is kept or tried again. They reject or throw AppLabError, one too many TooManyCalls. A
 * value that can't be said in JSON is a TypeError, thrown at once.
 */
export class PageCalls {
  readonly #project: Project
  readonly #onDone: OnDone | undefined
  readonly #limit = new CallLimit()

  constructor(project: Project, onDone: OnDone | undefined) {
    this.#project = project
    this.#onDone = onDone
  }

  get(key: unknown): Promise<unknown> {
    return this.#make(this.#project.getCall(key), { kind: 'get', key: String(key) })
  }

  set(key: unknown, value: unknown): Promise<void> {
    const call = this.#project.setCall(key, value)
    return this.#make(call, { kind: 'set', key: String(key) }).then(() => undefined)
  }

  getSync(key: unknown): unknown {
    return this.#makeSync(this.#project.getCall(key), { kind: 'get', key: String(key) })
  }

  setSync(key: unknown, value: unknown): void {
    this.#makeSync(this.#project.setCall(key, value), { kind: 'set', key: String(key) })
  }

  async #make(call: RouteCall, done: DoneCall): Promise<unknown> {
    this.#limit.count(performance.now())
    return this.#done(await this.#project.send(call), done)
  }

  #makeSync(call: RouteCall, done: DoneCall): unknown {
    this.#limit.count(performance.now())
    return this.#done(this.#project.sendSync(call), done)
  }

  #done(value: unknown, call: DoneCall): unknown {
    // In a turn of its own: what a listener throws is its own affair.
    queueMicrotask(() => this.#onDone?.(call))
    // Where a key has no value, routes say null and App Lab says undefined.
    return value ?? undefined
  }
}
