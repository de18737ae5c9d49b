import { TooManyCalls } from '../page/call-limit.ts'
import { AppLabError, type Refusal } from '../page/errors.ts'
import { pageConsole } from '../page/page-console.ts'

export type OnError = (error: Refusal) => void

/** Who hears how a call went. */
export interface Listeners<Value> {
  /** The line of code that made the call. */
  readonly line: number | undefined
  readonly onSuccess: ((value: Value) => void) | undefined
  readonly onError: OnError | undefined
}

/**
 * Tells just one of them, later. What they throw is an uncaught error of the page. One that is
 * there and no function, as programs without types have them, is an error in the console.
 */
export function tell<Value>(answer: Promise<Value>, listeners: Listeners<Value>): void {
  const { line, onSuccess, onError } = listeners
  answer.then(
    (value) => hear(onSuccess, value, { name: 'callback', line }),
    (error: unknown) => {
      const { msg, type } = asRefusal(error)
      if (error instanceof TooManyCalls || typeof onError !== 'function') report(error, line)
      if (!(error instanceof TooManyCalls)) hear(onError, { msg, type }, { name: 'onError', line })
    },
  )
}

function hear<Heard>(
  listener: ((heard: Heard) => void) | undefined,
  heard: Heard,
  { name, line }: { readonly name: string; readonly line: number | undefined },
): void {
  if (typeof listener === 'function') queueMicrotask(() => listener(heard))
  else if (listener)
    pageConsole.error(`The ${name} is not a function, so it can't be called.`, line)
}

/** Prints it. What is no AppLabError is thrown on. */
export function report(error: unknown, line: number | undefined): void {
  const { msg } = asRefusal(error)
  // What App Lab itself refuses is an error there, what the server refuses a warning.
  if (error instanceof TooManyCalls) pageConsole.error(msg, line)
  else pageConsole.warn(msg, line)
}

function asRefusal(error: unknown): AppLabError {
  if (error instanceof AppLabError) return error
  throw error
}
