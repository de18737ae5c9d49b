import { TooManyCalls } from '../page/call-limit.ts'
import { AppLabError, type Refusal } from '../page/errors.ts'
import { pageConsole } from '../page/page-console.ts'

export type OnError = (error: Refusal) => void

/** The callbacks of a call. */
export interface Listeners<Value> {
  /** The line of code that made the call. */
  readonly line: number | undefined
  readonly onSuccess: ((value: Value) => void) | undefined
  readonly onError: OnError | undefined
}

/**
 * Calls at most one of the callbacks, later. An error that it throws is an uncaught error of the
 * page. A callback that is not a function, as programs without types may pass, is an error in the
 * console.
 */
export function tell<Value>(answer: Promise<Value>, listeners: Listeners<Value>): void {
  const { line, onSuccess, onError } = listeners
  answer.then(
    (value) => hear(onSuccess, value, { name: 'callback', line }),
    (error: unknown) => tellError(error, { line, onError }),
  )
}

/** Tells `onError`, or the console if there is none. Throws any other error than AppLabError on. */
export function tellError(
  error: unknown,
  { line, onError }: Pick<Listeners<unknown>, 'line' | 'onError'>,
): void {
  const { msg, type } = asRefusal(error)
  if (error instanceof TooManyCalls || typeof onError !== 'function') report(error, line)
  if (!(error instanceof TooManyCalls)) hear(onError, { msg, type }, { name: 'onError', line })
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

/** Prints an AppLabError in the console. Throws any other error on. */
export function report(error: unknown, line: number | undefined): void {
  const { msg } = asRefusal(error)
  // As in App Lab: what App Lab itself refuses is an error, what the server refuses is a warning.
  if (error instanceof TooManyCalls) pageConsole.error(msg, line)
  else pageConsole.warn(msg, line)
}

function asRefusal(error: unknown): AppLabError {
  if (error instanceof AppLabError) return error
  throw error
}
