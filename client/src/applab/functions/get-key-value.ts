import type { PageCalls } from '../page/page-calls.ts'
import { functionArgument, keyArgument, warnOfArguments } from './argument-warnings.ts'
import { callingLine } from './calling-line.ts'
import { type OnError, report, tell } from './listeners.ts'

type OnValue = (value: unknown) => void

/** The value of a key, undefined where it has none. */
export interface GetKeyValue {
  (key: string): Promise<unknown>
  (key: string, callback: OnValue, onError?: OnError): void
}

/** Waits for the server, and the page with it. Undefined also where that failed. */
export type GetKeyValueSync = (key: string) => unknown

export function getKeyValueFor(calls: PageCalls): GetKeyValue {
  function getKeyValue(key: string): Promise<unknown>
  function getKeyValue(key: string, callback: OnValue, onError?: OnError): void
  function getKeyValue(key: string, callback?: OnValue, onError?: OnError): unknown {
    const line = callingLine(getKeyValue)
    // App Lab wants a callback; here somebody may wait for the promise in its place.
    const isPromised = callback === undefined && onError === undefined
    warnOfArguments('getKeyValue', line, [
      keyArgument(key),
      functionArgument('callback', callback, isPromised),
      functionArgument('onError', onError, true),
    ])
    const answer = calls.get(key)
    tell(answer, { line, onSuccess: callback, onError })
    return isPromised ? answer : undefined
  }
  return getKeyValue
}

export function getKeyValueSyncFor(calls: PageCalls): GetKeyValueSync {
  return function getKeyValueSync(key) {
    const line = callingLine(getKeyValueSync)
    warnOfArguments('getKeyValueSync', line, [keyArgument(key)])
    try {
      return calls.getSync(key)
    } catch (error) {
      report(error, line)
      return undefined
    }
  }
}
