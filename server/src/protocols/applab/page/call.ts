import type { KeyQueue } from '../../../core/kernel/key-queue.ts'
import type { PageKeys } from '../../../core/pages/page-keys.ts'
import type { RestCall } from '../../rest/routes.ts'
import type { PageRates } from './page-rates.ts'
import type { PairsCap } from './pairs-cap.ts'

/** The server's settings for this door. */
export interface ApplabSettings {
  /** The maximum number of pairs of one project. */
  readonly pairsMax: number
  /** Whether a call with a token creates the project that it names, if there is none. */
  readonly autoCreate: boolean
}

/** What all calls of this door share. */
export interface Services {
  readonly settings: ApplabSettings
  /**
   * Runs writes that depend on the current value one after the other: parallel ones make each other
   * fail.
   */
  readonly turns: KeyQueue
  readonly pageKeys: PageKeys
  readonly pairsCap: PairsCap
  readonly pageRates: PageRates
}

/** One call of this door; `subject` is the channel id that the path names. */
export type PageCall = RestCall & Services
