import { pageConsole } from '../page/page-console.ts'

/** The call that returned a promise. */
export interface PromisedCall {
  /** The name of the function, such as `getKeyValue`. */
  readonly called: string
  readonly key: string
  /** The line of code that made the call. */
  readonly line: number | undefined
}

/**
 * The promises that calls without a callback return. People who know App Lab expect values in their
 * place. So a promise that is used as a value says in the console what to do, and so does the
 * promise of a value that nobody has asked for when all calls are answered.
 */
export class PromisedValues {
  #callsUnderWay = 0
  #callsMade = 0
  /** Values that have come and that nobody has asked for, each with the number of its call. */
  readonly #unasked = new Map<PromisedCall, number>()
  /** The lines that a warning was about: a loop gets one. */
  readonly #told = new Set<string>()

  /** Follows a call, with or without a callback: its listener may ask for earlier promises. */
  follow(answer: Promise<unknown>): void {
    this.#callsUnderWay += 1
    const end = (): void => {
      this.#callsUnderWay -= 1
      // In a task of its own: the page's own code runs first.
      if (this.#callsUnderWay === 0) setTimeout(() => this.#complain(), 0)
    }
    answer.then(end, end)
  }

  /** Makes a promise tell how it is used. */
  watch(answer: Promise<unknown>, call: PromisedCall): void {
    let isAsked = false
    const numberOfCall = this.#callsMade++
    const note = (): void => {
      if (!isAsked && call.called === 'getKeyValue') this.#unasked.set(call, numberOfCall)
    }
    answer.then(note, () => undefined)
    const misuse = (): string => {
      if (!isAsked) this.#tell(call)
      ask()
      return '[object Promise]'
    }
    const ask = (): void => {
      isAsked = true
      this.#unasked.delete(call)
    }
    Object.defineProperties(answer, {
      // `then`, `await` and `Promise.all` read this first.
      constructor: {
        get: () => {
          ask()
          return Promise
        },
      },
      [Symbol.toPrimitive]: { value: misuse },
      toJSON: {
        value: () => {
          ask()
          throw new TypeError(sentenceOf(call))
        },
      },
    })
  }

  #complain(): void {
    if (this.#callsUnderWay > 0) return
    // Answers come in any order, and the warning for a loop is to name its first call.
    const inOrder = [...this.#unasked].sort(([, one], [, other]) => one - other)
    for (const [call] of inOrder) this.#tell(call)
    this.#unasked.clear()
  }

  #tell(call: PromisedCall): void {
    const place = `${call.called} ${call.line}`
    if (this.#told.has(place)) return
    this.#told.add(place)
    pageConsole.warn(sentenceOf(call), call.line)
  }
}

const shownKeyLengthMax = 40

function sentenceOf({ called, key }: PromisedCall): string {
  const name = key.length > shownKeyLengthMax ? 'key' : JSON.stringify(key)
  if (called !== 'getKeyValue') {
    return `${called}() without a callback returns a promise. Use a callback, or await.`
  }
  return (
    'getKeyValue() without a callback returns a promise, because the value comes later. ' +
    `Write: getKeyValue(${name}, function (value) { ... }), or: await getKeyValue(${name})`
  )
}
