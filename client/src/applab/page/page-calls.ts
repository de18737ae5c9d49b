import { CallLimit } from './call-limit.ts'
import type { RouteCall } from './exchange.ts'
import type { Project } from './project.ts'

/** A call that succeeded. */
export interface DoneCall {
  readonly kind: 'set' | 'get'
  readonly key: string
}

export type OnDone = (call: DoneCall) => void

/**
 * The calls for data that a page makes to a project. Each is one request: none waits for another,
 * is cached or is retried. They reject with or throw AppLabError; a call over the limit,
 * TooManyCalls. A value that JSON can't express is a TypeError, thrown at once.
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
    return this.#make(() => this.#project.getCall(key), { kind: 'get', key: String(key) })
  }

  set(key: unknown, value: unknown): Promise<void> {
    const call = this.#project.setCall(key, value)
    return this.#make(() => call, { kind: 'set', key: String(key) }).then(() => undefined)
  }

  getSync(key: unknown): unknown {
    return this.#makeSync(() => this.#project.getCall(key), { kind: 'get', key: String(key) })
  }

  setSync(key: unknown, value: unknown): void {
    const call = this.#project.setCall(key, value)
    this.#makeSync(() => call, { kind: 'set', key: String(key) })
  }

  async #make(callOf: () => RouteCall, done: DoneCall): Promise<unknown> {
    this.#limit.count(performance.now())
    return this.#done(await this.#project.send(callOf()), done)
  }

  #makeSync(callOf: () => RouteCall, done: DoneCall): unknown {
    this.#limit.count(performance.now())
    return this.#done(this.#project.sendSync(callOf()), done)
  }

  #done(value: unknown, call: DoneCall): unknown {
    // As a microtask: an error that a listener throws must not reach the call.
    queueMicrotask(() => this.#onDone?.(call))
    // For a key without a value, routes answer null, and App Lab gives undefined.
    return value ?? undefined
  }
}
