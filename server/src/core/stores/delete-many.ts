import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { Store } from './store.ts'

/**
 * Deletes the records of these keys, each in its own commit, and returns how many existed. Throws
 * as `Store.delete`, and if the caller loses the right meanwhile: records that were deleted before
 * stay deleted.
 */
export async function deleteKeys(store: Store, keys: readonly string[]): Promise<number> {
  const waiting = [...new Set(keys)].reverse()
  let count = 0
  using use = store.beginUse()
  while (waiting.length > 0) {
    use.signal.throwIfAborted()
    const batch = waiting.splice(-limits.deletesAtOnce)
    const found = await Promise.all(batch.map((key) => store.delete(key)))
    count += found.filter((isFound) => isFound).length
  }
  return count
}

/** Like `deleteKeys`, for all keys that begin with `prefix`, read page by page. */
export async function deletePrefix(store: Store, prefix: string): Promise<number> {
  let startAfter: string | undefined
  let count = 0
  for (;;) {
    const page = await store.list({ prefix, startAfter, limit: limits.pageItemsMax })
    count += await deleteKeys(
      store,
      page.items.map(({ key }) => key),
    )
    startAfter = page.items.at(-1)?.key
    if (!page.isTruncated || startAfter === undefined) return count
  }
}

/**
 * Deletes the first records whose keys begin with `prefix`: at most `limit` of them, from 1 to
 * 1,000. `isTruncated`: there may be more. Throws as `deleteKeys`.
 */
export async function deleteSome(
  store: Store,
  { prefix, limit }: { prefix: string; limit: number },
): Promise<{ deletedCount: number; isTruncated: boolean }> {
  const { items, isTruncated } = await store.list({ prefix, startAfter: undefined, limit })
  const keys = items.map(({ key }) => key)
  return { deletedCount: await deleteKeys(store, keys), isTruncated }
}

/** Throws `access-denied` unless the caller may use all of these keys. */
export function assertWithin(keys: readonly string[], prefix: string | undefined): void {
  if (prefix === undefined || keys.every((key) => key.startsWith(prefix))) return
  throw new StorageError('access-denied', `This token only allows keys that begin with ${prefix}.`)
}
