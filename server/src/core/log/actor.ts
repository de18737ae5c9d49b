import type { Revision } from '../engine/engine.ts'

/** The door that a request came through; `cli`: the command line, on the server's own machine. */
export type Door = 'apify' | 'nemesis' | 'applab' | 'coatcheck' | 'cli'

/** Who makes a change, for the audit trail. */
export interface Actor {
  readonly userId: string
  /** The token that was used, as `Token.id`; '' for none. */
  readonly tokenId: string
  readonly door: Door
}

/** Who made a change and what it replaced, for the audit trail. */
export interface Origin {
  readonly actor: Actor | undefined
  /** The revision that was replaced; undefined: there was none. */
  readonly before: Revision | undefined
}
