import type { PageCalls } from '../page/page-calls.ts'
import {
  type Argument,
  functionArgument,
  keyArgument,
  numberArgument,
  warnOfArguments,
} from './argument-warnings.ts'
import { callingLine } from './calling-line.ts'
import { type OnError, tell } from './listeners.ts'
import type { PromisedValues } from './promised-values.ts'

type OnResult<Result> = ((result: Result) => void) | undefined

/** Adds to the number of a key, in one step: a key without a value counts as 0. */
export interface IncrementKeyValue {
  (key: string, by?: number): Promise<number>
  (key: string, by: number | undefined, callback: OnResult<number>, onError?: OnError): void
}

/** Stores a number if it is above, or below, the one that is there. */
export interface LimitKeyValue {
  (key: string, value: number): Promise<number>
  (key: string, value: number, callback: OnResult<number>, onError?: OnError): void
}

export interface AppendOptions {
  /** How many items stay at the most: the last ones. */
  readonly keepLast?: number
}

/** Adds an item to the end of a list; a key without a value counts as an empty list. */
export interface AppendKeyValue {
  (key: string, item: unknown, options?: AppendOptions): Promise<readonly unknown[]>
  (
    key: string,
    item: unknown,
    options: AppendOptions | undefined,
    callback: OnResult<readonly unknown[]>,
    onError?: OnError,
  ): void
  (
    key: string,
    item: unknown,
    callback: (list: readonly unknown[]) => void,
    onError?: OnError,
  ): void
}

/**
 * Changes a value by a function of it. If somebody else changes the value meanwhile, the function
 * runs again with the new one. If it returns undefined, the key is deleted.
 */
export interface UpdateKeyValue {
  (key: string, change: (value: unknown) => unknown): Promise<unknown>
  (
    key: string,
    change: (value: unknown) => unknown,
    callback: OnResult<unknown>,
    onError?: OnError,
  ): void
}

export interface DeleteKeyValue {
  (key: string): Promise<void>
  (key: string, callback: (() => void) | undefined, onError?: OnError): void
}

/** All values whose keys begin with a prefix, by key. The owner must allow pages to list it. */
export interface ListKeyValues {
  (prefix: string): Promise<Readonly<Record<string, unknown>>>
  (prefix: string, callback: OnResult<Readonly<Record<string, unknown>>>, onError?: OnError): void
}

/** What every function here does with its callbacks. */
interface Called {
  readonly name: string
  readonly line: number | undefined
  readonly args: readonly Argument[]
  readonly callback: unknown
  readonly onError: unknown
}

/** The functions that change values by what they are, and those that delete and list. */
export class KeyValueFunctions {
  readonly #calls: PageCalls
  readonly #promised: PromisedValues

  constructor(calls: PageCalls, promised: PromisedValues) {
    this.#calls = calls
    this.#promised = promised
  }

  readonly incrementKeyValue = ((
    key: string,
    by: number | undefined = 1,
    callback?: OnResult<number>,
    onError?: OnError,
  ) => {
    const line = callingLine(this.incrementKeyValue)
    const args = [keyArgument(key), numberArgument('by', by)]
    const called = { name: 'incrementKeyValue', line, args, callback, onError }
    return this.#answer(called, key, () => this.#calls.update(key, { op: 'increment', by }))
  }) as IncrementKeyValue

  readonly maxKeyValue = this.#limiting('max')
  readonly minKeyValue = this.#limiting('min')

  readonly appendKeyValue = ((
    key: string,
    item: unknown,
    options?: AppendOptions | OnResult<readonly unknown[]>,
    ...listeners: unknown[]
  ) => {
    const line = callingLine(this.appendKeyValue)
    const isShort = typeof options === 'function'
    const [callback, onError] = isShort ? [options, listeners[0]] : listeners
    const keepLast = isShort ? undefined : options?.keepLast
    const called = {
      name: 'appendKeyValue',
      line,
      args: [keyArgument(key)],
      callback,
      onError,
    }
    return this.#answer(called, key, () =>
      this.#calls.update(key, { op: 'append', item: item ?? null, keepLast }),
    )
  }) as AppendKeyValue

  readonly updateKeyValue = ((
    key: string,
    change: (value: unknown) => unknown,
    callback?: OnResult<unknown>,
    onError?: OnError,
  ) => {
    const line = callingLine(this.updateKeyValue)
    const args = [keyArgument(key), functionArgument('change', change, false)]
    const called = { name: 'updateKeyValue', line, args, callback, onError }
    return this.#answer(called, key, () => this.#calls.change(key, change))
  }) as UpdateKeyValue

  readonly deleteKeyValue = ((key: string, callback?: () => void, onError?: OnError) => {
    const line = callingLine(this.deleteKeyValue)
    const called = {
      name: 'deleteKeyValue',
      line,
      args: [keyArgument(key)],
      callback: typeof callback === 'function' ? () => callback() : callback,
      onError,
    }
    return this.#answer(called, key, () => this.#calls.set(key, undefined))
  }) as DeleteKeyValue

  readonly listKeyValues = ((
    prefix: string,
    callback?: OnResult<Readonly<Record<string, unknown>>>,
    onError?: OnError,
  ) => {
    const line = callingLine(this.listKeyValues)
    const args = [{ ...keyArgument(prefix), name: 'prefix' }]
    const called = { name: 'listKeyValues', line, args, callback, onError }
    return this.#answer(called, prefix, () => this.#calls.list(prefix))
  }) as ListKeyValues

  #limiting(op: 'max' | 'min'): LimitKeyValue {
    const name = `${op}KeyValue`
    const limit = ((key: string, value: number, callback?: OnResult<number>, onError?: OnError) => {
      const line = callingLine(limit)
      const args = [keyArgument(key), numberArgument('value', value)]
      const called = { name, line, args, callback, onError }
      return this.#answer(called, key, () => this.#calls.update(key, { op, value }))
    }) as LimitKeyValue
    return limit
  }

  /** Makes the call. Returns its promise if there are no callbacks. */
  #answer(called: Called, key: string, call: () => Promise<unknown>): Promise<unknown> | undefined {
    const { name, line, args, callback, onError } = called
    const optional = [
      functionArgument('callback', callback, true),
      functionArgument('onError', onError, true),
    ]
    warnOfArguments(name, line, [...args, ...optional])
    const answer = call()
    const onSuccess = callback as OnResult<unknown>
    tell(answer, { line, onSuccess, onError: onError as OnError | undefined })
    this.#promised.follow(answer)
    if (callback !== undefined || onError !== undefined) return undefined
    this.#promised.watch(answer, { called: name, key: String(key), line })
    return answer
  }
}
