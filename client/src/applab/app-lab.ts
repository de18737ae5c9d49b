import {
  type GetKeyValue,
  type GetKeyValueSync,
  getKeyValueFor,
  getKeyValueSyncFor,
} from './functions/get-key-value.ts'
import { type GetUserId, getUserIdFor } from './functions/get-user-id.ts'
import type { OnError } from './functions/listeners.ts'
import {
  type OnKeyValue,
  type OnKeyValues,
  onKeyValueFor,
  onKeyValuesFor,
} from './functions/on-key-value.ts'
import { PromisedValues } from './functions/promised-values.ts'
import { randomNumber } from './functions/random-number.ts'
import {
  type SetKeyValue,
  type SetKeyValueSync,
  setKeyValueFor,
  setKeyValueSyncFor,
} from './functions/set-key-value.ts'
import {
  type AppendKeyValue,
  type DeleteKeyValue,
  type IncrementKeyValue,
  KeyValueFunctions,
  type LimitKeyValue,
  type ListKeyValues,
  type UpdateKeyValue,
} from './functions/update-key-value.ts'
import { AppLabError, type Refusal } from './page/errors.ts'
import { type DoneCall, type OnDone, PageCalls } from './page/page-calls.ts'
import { Project, type ProjectAddress } from './page/project.ts'
import { PageWatches } from './watching/page-watches.ts'

export { AppLabError, type DoneCall, type OnDone, type OnError, type Refusal }

export interface AppLabOptions extends ProjectAddress {
  /** Called after every call that succeeds, before the call's own callback. */
  readonly onDone?: OnDone | undefined
}

/** The functions of App Lab and Coatcheck's own, bound to one project: none needs `this`. */
export interface AppLab {
  readonly setKeyValue: SetKeyValue
  readonly getKeyValue: GetKeyValue
  /** Only for web pages, as are all functions that block. */
  readonly setKeyValueSync: SetKeyValueSync
  readonly getKeyValueSync: GetKeyValueSync
  readonly getUserId: GetUserId
  readonly randomNumber: typeof randomNumber
  readonly incrementKeyValue: IncrementKeyValue
  readonly maxKeyValue: LimitKeyValue
  readonly minKeyValue: LimitKeyValue
  readonly appendKeyValue: AppendKeyValue
  readonly updateKeyValue: UpdateKeyValue
  readonly deleteKeyValue: DeleteKeyValue
  readonly listKeyValues: ListKeyValues
  readonly onKeyValue: OnKeyValue
  readonly onKeyValues: OnKeyValues
}

/** The functions of App Lab for a project of a Coatcheck server. */
export function createAppLab({ onDone, ...address }: AppLabOptions): AppLab {
  const project = new Project(address)
  const calls = new PageCalls(project, onDone)
  const promised = new PromisedValues()
  const watches = new PageWatches(project)
  const functions = new KeyValueFunctions(calls, promised)
  return {
    setKeyValue: setKeyValueFor(calls, promised),
    getKeyValue: getKeyValueFor(calls, promised),
    setKeyValueSync: setKeyValueSyncFor(calls),
    getKeyValueSync: getKeyValueSyncFor(calls),
    getUserId: getUserIdFor(project),
    randomNumber,
    incrementKeyValue: functions.incrementKeyValue,
    maxKeyValue: functions.maxKeyValue,
    minKeyValue: functions.minKeyValue,
    appendKeyValue: functions.appendKeyValue,
    updateKeyValue: functions.updateKeyValue,
    deleteKeyValue: functions.deleteKeyValue,
    listKeyValues: functions.listKeyValues,
    onKeyValue: onKeyValueFor(watches),
    onKeyValues: onKeyValuesFor(watches),
  }
}
