import type { ProgramState } from './program-messages.ts'

/** Code that may call the program again later, in ways that can't be followed from outside. */
const hiddenStarters = new RegExp(
  [
    'addEventListener|\\.on[a-z]+\\s*=|XMLHttpRequest|WebSocket|EventSource|Worker|Channel|Observer',
    'import\\s*\\(|postTask|subtle|Image|Audio|createElement|requestIdleCallback|FileReader|Stream',
    'postMessage|AbortSignal|FontFace|\\beval\\b|Function\\s*\\(',
  ].join('|'),
)
const bodyReaders = ['text', 'json', 'blob', 'arrayBuffer', 'formData'] as const

/**
 * Follows a program until nothing of it is left to run: no timer, and no call to the server that
 * waits for its answer. If that can't be known, the program counts as running.
 */
export class ProgramCourse {
  readonly #onState: (state: ProgramState) => void
  readonly #later = setTimeout.bind(window)
  readonly #timers = new Set<unknown>()
  #pending = 0
  #isBeginning = false
  #isChecking = false
  #hasFailed = false
  #isEndHidden = false
  #state: ProgramState = 'running'

  constructor(onState: (state: ProgramState) => void) {
    this.#onState = onState
  }

  takeOver(): void {
    this.#followTimers('setTimeout', 'clearTimeout', { isOnce: true })
    this.#followTimers('setInterval', 'clearInterval', { isOnce: false })
    this.#followFrames()
    this.#followCalls()
    const fail = (): void => {
      this.#hasFailed = true
      // The program may have stopped before it began to listen to anything.
      if (this.#isBeginning) this.#isEndHidden = false
      this.#check()
    }
    addEventListener('error', fail)
    addEventListener('unhandledrejection', fail)
  }

  /** Runs the program. `run` returns when its top-level code has run. */
  begin(code: string, run: () => void): void {
    this.#isEndHidden = hiddenStarters.test(code)
    this.#isBeginning = true
    this.#pending += 1
    run()
    this.#isBeginning = false
    this.#settle()
  }

  #await(): void {
    this.#pending += 1
    if (this.#state !== 'running') this.#tell('running')
  }

  #settle(): void {
    this.#pending -= 1
    this.#check()
  }

  /** Checks in a later task, since a callback may begin something new. */
  #check(): void {
    if (this.#isChecking) return
    this.#isChecking = true
    this.#later(() => {
      this.#isChecking = false
      if (this.#pending > 0 || this.#isEndHidden) return
      this.#tell(this.#hasFailed ? 'failed' : 'done')
    }, 0)
  }

  #tell(state: ProgramState): void {
    if (state === this.#state) return
    this.#state = state
    this.#onState(state)
  }

  #followTimers(
    start: 'setTimeout' | 'setInterval',
    clear: 'clearTimeout' | 'clearInterval',
    { isOnce }: { readonly isOnce: boolean },
  ): void {
    const [ownStart, ownClear] = [window[start].bind(window), window[clear].bind(window)]
    // Each of the two `clear` functions ends timers of both kinds.
    const waiting = this.#timers
    const end = (id: unknown): void => {
      if (waiting.delete(id)) this.#settle()
    }
    const follow = (handler: unknown, delayMs?: number, ...args: unknown[]): number => {
      const call = typeof handler === 'function' ? handler : new Function(String(handler))
      const id: number = ownStart(() => {
        try {
          call(...args)
        } finally {
          if (isOnce) end(id)
        }
      }, delayMs)
      waiting.add(id)
      this.#await()
      return id
    }
    const stop = (id?: number): void => {
      ownClear(id)
      end(id)
    }
    Object.assign(window, { [start]: follow, [clear]: stop })
  }

  #followFrames(): void {
    const ownStart = requestAnimationFrame.bind(window)
    const ownCancel = cancelAnimationFrame.bind(window)
    const waiting = new Set<number>()
    const end = (id: number): void => {
      if (waiting.delete(id)) this.#settle()
    }
    window.requestAnimationFrame = (draw) => {
      const id = ownStart((time) => {
        try {
          draw(time)
        } finally {
          end(id)
        }
      })
      waiting.add(id)
      this.#await()
      return id
    }
    window.cancelAnimationFrame = (id) => {
      ownCancel(id)
      end(id)
    }
  }

  /**
   * Follows calls to the server, also those of the page script, until the whole answer is there.
   */
  #followCalls(): void {
    const ownFetch = fetch.bind(window)
    window.fetch = (...asked) => this.#until(ownFetch(...asked))
    for (const name of bodyReaders) {
      const own: (this: Response) => Promise<unknown> = Response.prototype[name]
      const until = (answer: Promise<unknown>): Promise<unknown> => this.#until(answer)
      Object.assign(Response.prototype, {
        [name](this: Response) {
          return until(own.call(this))
        },
      })
    }
  }

  #until<Result>(answer: Promise<Result>): Promise<Result> {
    this.#await()
    return answer.finally(() => this.#settle())
  }
}
