import type { PageCalls } from '../page/page-calls.ts'
import {
  functionArgument,
  keyArgument,
  valueArgument,
  warnOfArguments,
  warnOfNoNumber,
} from './argument-warnings.ts'
import { callingLine } from './calling-line.ts'
import { type OnError, report, tell } from './listeners.ts'
import type { PromisedValues } from './promised-values.ts'

type OnSet = () => void

/** Undefined, null and NaN delete the key. Throws TypeError for a value that JSON can't express. */
export interface SetKeyValue {
  (key: string, value: unknown): Promise<void>
  (key: string, value: unknown, callback: OnSet | undefined, onError?: OnError): void
}

/** Blocks the page until the server answers. False if it refused or could not be reached. */
export type SetKeyValueSync = (key: string, value: unknown) => boolean

export function setKeyValueFor(calls: PageCalls, promised: PromisedValues): SetKeyValue {
  function setKeyValue(key: string, value: unknown): Promise<void>
  function setKeyValue(key: string, value: unknown, callback?: OnSet, onError?: OnError): void
  function setKeyValue(key: string, value: unknown, callback?: OnSet, onError?: OnError): unknown {
    const line = callingLine(setKeyValue)
    warnOfArguments('setKeyValue', line, [
      keyArgument(key),
      valueArgument(value),
      functionArgument('callback', callback, true),
      functionArgument('onError', onError, true),
    ])
    warnOfNoNumber('setKeyValue', line, { key, value })
    const answer = calls.set(key, value)
    // A callback is called without any argument.
    const onSuccess = typeof callback === 'function' ? () => callback() : callback
    tell(answer, { line, onSuccess, onError })
    promised.follow(answer)
    if (callback !== undefined || onError !== undefined) return undefined
    promised.watch(answer, { called: 'setKeyValue', key: String(key), line })
    return answer
  }
  return setKeyValue
}

export function setKeyValueSyncFor(calls: PageCalls): SetKeyValueSync {
  return function setKeyValueSync(key, value) {
    const line = callingLine(setKeyValueSync)
    warnOfArguments('setKeyValueSync', line, [keyArgument(key), valueArgument(value)])
    warnOfNoNumber('setKeyValueSync', line, { key, value })
    try {
      calls.setSync(key, value)
      return true
    } catch (error) {
      report(error, line)
      return false
    }
  }
}
