import type { PageWatches } from '../watching/page-watches.ts'
import { functionArgument, keyArgument, warnOfArguments } from './argument-warnings.ts'
import { callingLine } from './calling-line.ts'
import { type OnError, tellError } from './listeners.ts'

/** Stops calling back. */
type Stop = () => void

/**
 * Calls back with the value of a key, now and whenever it changes; undefined: it has none. Of
 * changes that come faster than they can be told, the last one is told. After a lost connection it
 * catches up by itself.
 */
export type OnKeyValue = (
  key: string,
  callback: (value: unknown) => void,
  onError?: OnError,
) => Stop

/**
 * The same for all keys that begin with a prefix: first for each key that has a value. The owner of
 * the project must allow pages to list the prefix.
 */
export type OnKeyValues = (
  prefix: string,
  callback: (key: string, value: unknown) => void,
  onError?: OnError,
) => Stop

export function onKeyValueFor(watches: PageWatches): OnKeyValue {
  return function onKeyValue(key, callback, onError) {
    const line = callingLine(onKeyValue)
    warnOfArguments('onKeyValue', line, [
      keyArgument(key),
      functionArgument('callback', callback, false),
      functionArgument('onError', onError, true),
    ])
    if (typeof callback !== 'function') return () => undefined
    return watches.watchKey(String(key), {
      onValue: (_, value) => callback(value),
      onEnd: (error) => tellError(error, { line, onError }),
    })
  }
}

export function onKeyValuesFor(watches: PageWatches): OnKeyValues {
  return function onKeyValues(prefix, callback, onError) {
    const line = callingLine(onKeyValues)
    warnOfArguments('onKeyValues', line, [
      { ...keyArgument(prefix), name: 'prefix' },
      functionArgument('callback', callback, false),
      functionArgument('onError', onError, true),
    ])
    if (typeof callback !== 'function') return () => undefined
    return watches.watchPrefix(String(prefix), {
      onValue: callback,
      onEnd: (error) => tellError(error, { line, onError }),
    })
  }
}
