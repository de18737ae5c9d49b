import { CallLimit } from './call-limit.ts'
import { AppLabError } from './errors.ts'
import type { RouteCall } from './exchange.ts'
import { KeyTurns } from './key-turns.ts'
import type { Project } from './project.ts'
import { callName, resending } from './resending.ts'
import { webPage } from './web-page.ts'

/** A call that succeeded. */
export interface DoneCall {
  readonly kind: 'set' | 'get'
  readonly key: string
}

export type OnDone = (call: DoneCall) => void

/** How often `change` runs its function again because others change the same value. */
const attemptsMax = 50
const pauseMsMax = 100

/**
 * The calls for data that a page makes to a project. Calls of one key are sent in the order in
 * which they were made. A call that gets no answer is sent again, and done once. They reject with
 * or throw AppLabError; a call over the limit, TooManyCalls. A value that JSON can't express is a
 * TypeError, thrown at once.
 */
export class PageCalls {
  readonly #project: Project
  readonly #onDone: OnDone | undefined
  readonly #limit = new CallLimit()
  readonly #turns = new KeyTurns()
  readonly #latest = new Map<string, RouteCall>()

  constructor(project: Project, onDone: OnDone | undefined) {
    this.#project = project
    this.#onDone = onDone
    const page = webPage()
    // A frame of /play may run a program that never ends. With such listeners, a browser would let
    // it go on for a while after the frame was removed.
    if (page.origin === 'null') return
    // Before the listeners of the page itself, which may still make calls.
    page.addEventListener?.('pagehide', () => this.#turns.leave())
    page.addEventListener?.('pageshow', () => this.#turns.stay())
  }

  get(key: unknown): Promise<unknown> {
    return this.#make('get', key, () => this.#project.send(this.#project.getCall(key)))
  }

  set(key: unknown, value: unknown): Promise<void> {
    const call = this.#named(this.#project.setCall(key, value))
    return this.#make('set', key, () => this.#sendSet(String(key), call)).then(() => undefined)
  }

  /** While the page is left, nothing keeps calls in order: only the last value of a key is sent. */
  async #sendSet(key: string, call: RouteCall): Promise<unknown> {
    if (this.#turns.isLeaving) {
      this.#latest.set(key, call)
      await undefined // until the listener of the page has made all of its calls
      if (this.#latest.get(key) !== call) return undefined
    }
    return this.#project.send(call)
  }

  /** Returns the new value. */
  update(key: unknown, update: object): Promise<unknown> {
    const call = this.#named(this.#project.updateCall(key, update))
    return this.#make('set', key, () => this.#project.send(call))
  }

  /** Returns the values by key. */
  list(prefix: unknown): Promise<unknown> {
    return this.#make('get', prefix, () => this.#project.send(this.#project.listCall(prefix)))
  }

  /** Replaces the value by what `change` makes of it, which is then returned. */
  change(key: unknown, change: (value: unknown) => unknown): Promise<unknown> {
    return this.#turns.run(String(key), async () => {
      for (let attempt = 1; ; attempt += 1) {
        const changed = await this.#tryChange(key, change)
        if (changed) return changed.value
        if (attempt === attemptsMax) throw tooManyOthers()
        await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMsMax))
      }
    })
  }

  getSync(key: unknown): unknown {
    return this.#makeSync(() => this.#project.getCall(key), { kind: 'get', key: String(key) })
  }

  setSync(key: unknown, value: unknown): void {
    const call = this.#project.setCall(key, value)
    this.#makeSync(() => call, { kind: 'set', key: String(key) })
  }

  /** Undefined: somebody else has changed the value meanwhile. */
  async #tryChange(
    key: unknown,
    change: (value: unknown) => unknown,
  ): Promise<{ value: unknown } | undefined> {
    this.#limit.count(performance.now())
    const get = this.#project.getCall(key)
    const { value, tag } = await resending(() => this.#project.sendForReply(get))
    const next = await change(value ?? undefined)
    this.#limit.count(performance.now())
    const call = this.#named(this.#project.setCall(key, next), conditionOf(tag))
    try {
      await resending(() => this.#project.send(call))
    } catch (error) {
      if (error instanceof AppLabError && error.type === 'CONDITION_FAILED') return undefined
      throw error
    }
    return { value: this.#done(next, { kind: 'set', key: String(key) }) }
  }

  /** The server does the call once, however often it is sent. */
  #named(call: RouteCall, headers: Record<string, string> = {}): RouteCall {
    return { ...call, headers: { ...call.headers, ...headers, 'Idempotency-Key': callName() } }
  }

  async #make(
    kind: DoneCall['kind'],
    key: unknown,
    send: () => Promise<unknown>,
  ): Promise<unknown> {
    this.#limit.count(performance.now())
    const answer = this.#turns.run(String(key), () => resending(async () => send()))
    return this.#done(await answer, { kind, key: String(key) })
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

/** A missing value has no tag. */
function conditionOf(tag: string | null): Record<string, string> {
  return tag === null ? { 'If-None-Match': '*' } : { 'If-Match': tag }
}

function tooManyOthers(): AppLabError {
  const msg = 'Too many others change this value at the same time. Try again.'
  return new AppLabError({ msg, type: 'TRY_AGAIN' })
}
