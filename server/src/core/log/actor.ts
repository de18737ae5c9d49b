import type { Revision } from '../engine/engine.ts'

/** The door that somebody came through; `cli`: the command line, on the server's own machine. */
export type Door = 'apify' | 'nemesis' | 'applab' | 'coatcheck' | 'cli'

/** Who does something, for the audit trail. */
export interface Actor {
  readonly userId: string
  /** The token that was used, as `Token.id`; '' where none was. */
  readonly tokenId: string
  readonly door: Door
}

/** What the audit trail says of a change: who made it, and what it replaced. */
export interface Origin {
  readonly actor: Actor | undefined
  /** The revision before; undefined: there was nothing. */
  readonly before: Revision | undefined
}
