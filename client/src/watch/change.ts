import type { JsonValue } from '../json/json.ts'

/** A record was stored. */
export interface PutChange {
  readonly kind: 'put'
  readonly key: string
  readonly revision: number
  readonly contentType: string | undefined
  /**
   * The value, if it is short JSON (4 KiB) and still the one of this revision; else undefined: read
   * the record if you need it. Integers beyond 2^53 are bigints.
   */
  readonly value: JsonValue | undefined
  /** `value` with every digit. */
  readonly text: string | undefined
  /** The door that wrote it, such as `applab`. */
  readonly door: string | undefined
  /** The user who wrote it, if `who` was asked for; undefined for a page. */
  readonly username: string | undefined
}

export interface DeleteChange {
  readonly kind: 'delete'
  readonly key: string
  readonly revision: number
  readonly door: string | undefined
  readonly username: string | undefined
}

/** Something that concerns all records. */
export interface StoreChange {
  /**
   * `ready`: the stream begins here. `clear`: all records were deleted. `reset`: changes were
   * missed, so read all records again. `drop`, `expire`: the store is gone, and the stream ends.
   */
  readonly kind: 'ready' | 'clear' | 'reset' | 'drop' | 'expire'
  readonly revision: number
}

export type Change = PutChange | DeleteChange | StoreChange

/** After these, nothing can follow. */
export function isLast({ kind }: Change): boolean {
  return kind === 'drop' || kind === 'expire'
}
