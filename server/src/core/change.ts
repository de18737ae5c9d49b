import { asBuffer } from './bytes.ts'
import type { Entry, Put, Revision } from './engine.ts'
import { changeKey, changeRevisionOf } from './keyspace.ts'

export type ChangeKind = 'put' | 'delete' | 'clear' | 'drop' | 'expire'

/** One line of a store's change log: what happened, never the value. */
export interface Change {
  readonly revision: Revision
  readonly kind: ChangeKind
  /** The record's key; '' where the whole store is meant. */
  readonly key: string
  /** The record's new size in stored bytes; 0 where it is gone. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly at: number
}

const kinds: readonly ChangeKind[] = ['put', 'delete', 'clear', 'drop', 'expire']

/** DO NOT CHANGE, it is on disk: kind (1 byte), at and size (8 each, doubles), the key in UTF-8. */
export function changePut(storeId: string, change: Omit<Change, 'revision'>): Put {
  const value = Buffer.allocUnsafe(17 + Buffer.byteLength(change.key))
  value[0] = kinds.indexOf(change.kind)
  value.writeDoubleBE(change.at, 1)
  value.writeDoubleBE(change.size, 9)
  value.write(change.key, 17)
  return { key: changeKey(storeId), value, stamped: true }
}

export function decodeChange(entry: Entry): Change {
  const value = asBuffer(entry.value)
  return {
    revision: changeRevisionOf(entry.key),
    kind: kinds[value[0] ?? 0] ?? 'put',
    at: value.readDoubleBE(1),
    size: value.readDoubleBE(9),
    key: value.toString('utf8', 17),
  }
}
