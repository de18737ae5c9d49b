import type { PageCalls } from '../page/page-calls.ts'
import { functionArgument, keyArgument, warnOfArguments } from './argument-warnings.ts'
import { callingLine } from './calling-line.ts'
import { type OnError, report, tell } from './listeners.ts'
import type { PromisedValues } from './promised-values.ts'

type OnValue = (value: unknown) => void

/** Gets the value of a key; undefined if there is none. */
export interface GetKeyValue {
  (key: string): Promise<unknown>
  (key: string, callback: OnValue, onError?: OnError): void
}

/** Blocks the page until the server answers. Also undefined if the call failed. */
export type GetKeyValueSync = (key: string) => unknown

export function getKeyValueFor(calls: PageCalls, promised: PromisedValues): GetKeyValue {
  function getKeyValue(key: string): Promise<unknown>
  function getKeyValue(key: string, callback: OnValue, onError?: OnError): void
  function getKeyValue(key: string, callback?: OnValue, onError?: OnError): unknown {
    const line = callingLine(getKeyValue)
    // App Lab expects a callback. Here a page may await the promise instead.
    const isPromised = callback === undefined && onError === undefined
    warnOfArguments('getKeyValue', line, [
      keyArgument(key),
      functionArgument('callback', callback, isPromised),
      functionArgument('onError', onError, true),
    ])
    const answer = calls.get(key)
    tell(answer, { line, onSuccess: callback, onError })
    promised.follow(answer)
    if (!isPromised) return undefined
    promised.watch(answer, { called: 'getKeyValue', key: String(key), line })
    return answer
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
