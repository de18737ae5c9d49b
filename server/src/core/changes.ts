import { type Change, decodeChange } from './change.ts'
import type { Revision, StorageEngine } from './engine.ts'
import type { IdentityCache } from './identity.ts'
import { changeRange, changesTrimmedKey, decodeNumber, storeKey } from './keyspace.ts'
import { limits } from './limits.ts'
import { type Guard, storeNotFound } from './store-reader.ts'

/** One page of what happened in a store. */
export interface ChangePage {
  readonly changes: readonly Change[]
  /** Ask again behind this revision. */
  readonly revision: Revision
  /** True when there is more behind this page already. */
  readonly more: boolean
  /**
   * True when changes behind the one asked for were trimmed or are damaged: read the store anew,
   * then go on from `revision`.
   */
  readonly isReset: boolean
}

interface ChangeReader {
  readonly engine: StorageEngine
  readonly identities: IdentityCache
  readonly guard: Guard
}

/**
 * The changes behind `after` whose key begins with `prefix`, and those that concern the whole
 * store. A store that is gone can still tell of its end. Throws `store-not-found` where nothing is
 * left to tell, and what the guard throws of a store that is there.
 */
export async function readChanges(
  { engine, identities, guard }: ChangeReader,
  storeId: string,
  { after, prefix }: { after: Revision; prefix: string },
): Promise<ChangePage> {
  const bound = { limit: limits.pageItemsMax, bytes: limits.pageBytesMax }
  const page = await engine.scan(changeRange(storeId, after), bound)
  // Asked behind the page: a trim that came between the two is seen, and the page is not trusted.
  const [trimmed, store] = await engine.get([changesTrimmedKey(storeId), storeKey(storeId)])
  if (store) guard(identities.decode(storeId, store).identity)
  else if (page.entries.length === 0) throw storeNotFound(storeId)
  const isDamaged = [trimmed, ...page.entries].some((entry) => entry?.isDamaged)
  if (isDamaged || (trimmed && after < decodeNumber(trimmed.value, 0))) return reset(engine)
  const changes = page.entries.map(decodeChange)
  return {
    changes: changes.filter((change) => isWholeStore(change) || change.key.startsWith(prefix)),
    revision: changes.at(-1)?.revision ?? after,
    more: page.more,
    isReset: false,
  }
}

async function reset(engine: StorageEngine): Promise<ChangePage> {
  const revision = await engine.newerThan(-1, new AbortController().signal)
  return { changes: [], revision, more: false, isReset: true }
}

function isWholeStore({ kind }: Change): boolean {
  return kind === 'clear' || kind === 'drop' || kind === 'expire'
}
