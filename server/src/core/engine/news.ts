import { hash } from 'node:crypto'
import type { Bytes } from '../kernel/bytes.ts'

/** Which logs have got entries. A log is what stamped puts with the same key make. */
export interface News {
  /** Where to go on; only for the same engine object. */
  readonly place: number
  /** Their `logNameOf`, and now and then another one; undefined: any log may have. */
  readonly logs: ReadonlySet<string> | undefined
}

const nameLength = 8

/**
 * A short name of the log with this key. It is a digest: whoever may listen to a database's
 * notifications does not learn the ids in keys from it. Two logs may share a name.
 */
export function logNameOf(key: Bytes): string {
  return hash('sha256', key, 'base64url').slice(0, nameLength)
}
