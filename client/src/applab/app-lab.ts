import {
  type GetKeyValue,
  type GetKeyValueSync,
  getKeyValueFor,
  getKeyValueSyncFor,
} from './functions/get-key-value.ts'
import { type GetUserId, getUserIdFor } from './functions/get-user-id.ts'
import type { OnError } from './functions/listeners.ts'
import { PromisedValues } from './functions/promised-values.ts'
import { randomNumber } from './functions/random-number.ts'
import {
  type SetKeyValue,
  type SetKeyValueSync,
  setKeyValueFor,
  setKeyValueSyncFor,
} from './functions/set-key-value.ts'
import { AppLabError, type Refusal } from './page/errors.ts'
import { type DoneCall, type OnDone, PageCalls } from './page/page-calls.ts'
import { Project, type ProjectAddress } from './page/project.ts'

export { AppLabError, type DoneCall, type OnDone, type OnError, type Refusal }

export interface AppLabOptions extends ProjectAddress {
  /** Called after every call that succeeds, before the call's own callback. */
  readonly onDone?: OnDone | undefined
}

/** The functions of App Lab, bound to one project: none needs `this`. */
export interface AppLab {
  readonly setKeyValue: SetKeyValue
  readonly getKeyValue: GetKeyValue
  /** Only for web pages, as are all functions that block. */
  readonly setKeyValueSync: SetKeyValueSync
  readonly getKeyValueSync: GetKeyValueSync
  readonly getUserId: GetUserId
  readonly randomNumber: typeof randomNumber
}

/** The functions of App Lab for a project of a Coatcheck server. */
export function createAppLab({ onDone, ...address }: AppLabOptions): AppLab {
  const project = new Project(address)
  const calls = new PageCalls(project, onDone)
  const promised = new PromisedValues()
  return {
    setKeyValue: setKeyValueFor(calls, promised),
    getKeyValue: getKeyValueFor(calls, promised),
    setKeyValueSync: setKeyValueSyncFor(calls),
    getKeyValueSync: getKeyValueSyncFor(calls),
    getUserId: getUserIdFor(project),
    randomNumber,
  }
}
