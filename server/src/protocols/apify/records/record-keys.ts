import { StorageError } from '../../../core/kernel/errors.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { ApifyCall } from '../call/call.ts'
import { whyNoApifyKey } from '../call/key-spelling.ts'

/**
 * Refuses keys that no path can carry: URL libraries make other paths of `.` and `..`, also of
 * their percent-encoded forms, and no segment of ''.
 */
export function keyOf({ key, takesAnyKey }: ApifyCall): string {
  if (key === undefined) throw invalidKey('The key is not percent-encoded UTF-8.')
  if (takesAnyKey) return key
  if (key === '') throw invalidKey('The path contains no record key.')
  if (key !== '.' && key !== '..') return key
  throw invalidKey(`The key "${key}" is possible at /record?key= only.`)
}

function invalidKey(why: string): StorageError {
  return new StorageError('record-key-invalid', why)
}

/** Only other doors create records with keys outside Apify's alphabet; this one replaces them. */
export async function assertExists(store: Store, key: string): Promise<void> {
  if (await store.head(key)) return
  throw invalidKey(whyNoApifyKey(key))
}
