import { TooManyCalls } from './call-limit.ts'
import { AppLabError, type Refusal } from './errors.ts'
import { pageConsole } from './page-console.ts'

export type OnError = (error: Refusal) => void

/** Who hears how a call went. */
export interface Listeners<Value> {
  /** The line of code that made the call. */
  readonly line: number | undefined
  readonly onSuccess: ((value: Value) => void) | undefined
  readonly onError: OnError | undefined
}

/** Tells just one of them, later. What they throw is an uncaught error of the page. */
export function tell<Value>(answer: Promise<Value>, listeners: Listeners<Value>): void {
  const { line, onSuccess, onError } = listeners
  answer.then(
    (value) => queueMicrotask(() => onSuccess?.(value)),
    (error: unknown) => {
      const { msg, type } = asRefusal(error)
      if (onError && !(error instanceof TooManyCalls)) queueMicrotask(() => onError({ msg, type }))
      else report(error, line)
    },
  )
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
