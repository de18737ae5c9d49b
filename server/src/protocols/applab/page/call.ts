import type { KeyQueue } from '../../../core/kernel/key-queue.ts'
import type { PageKeys } from '../../../core/pages/page-keys.ts'
import type { RestCall } from '../../rest/routes.ts'
import type { PageRates } from './page-rates.ts'
import type { PairsCap } from './pairs-cap.ts'

/** What this server was told of the door. */
export interface ApplabSettings {
  /** Pairs of one project. */
  readonly pairsMax: number
  /** Whether a call of a token makes the project that it names, where there is none. */
  readonly autoCreate: boolean
}

/** What all calls of this door share. */
export interface Services {
  readonly settings: ApplabSettings
  /** Writes that look at what they replace, one after the other: else they make each other fail. */
  readonly turns: KeyQueue
  readonly pageKeys: PageKeys
  readonly pairsCap: PairsCap
  readonly pageRates: PageRates
}

/** One call of this door; `store` is the channel id that the path names. */
export type PageCall = RestCall & Services
