import {
  changeRange,
  changesTrimmedKey,
  decodeNumber,
  storeKey,
  userKey,
} from '../disk/keyspace.ts'
import type { Entry, Revision, StorageEngine } from '../engine/engine.ts'
import type { Caller } from '../identity/caller.ts'
import type { IdentityCache, StoreIdentity } from '../identity/identity.ts'
import { accessOf, storeNotFound } from '../identity/store-reader.ts'
import { limits } from '../kernel/limits.ts'
import { type Change, decodeChanges } from '../log/change.ts'
import { narrowedPrefix } from '../people/scope.ts'

/** One page of the changes in a store. */
export interface ChangePage {
  readonly changes: readonly Change[]
  /** The next page begins after this revision. */
  readonly revision: Revision
  /** True when there are more changes after this page already. */
  readonly more: boolean
  /**
   * True when changes after the requested revision were trimmed or are damaged. The client must
   * read the store again, then continue from `revision`.
   */
  readonly isReset: boolean
}

interface ChangeReader {
  readonly engine: StorageEngine
  readonly identities: IdentityCache
  readonly caller: Caller
  /** The store's identity when the caller found it. */
  readonly found: StoreIdentity | undefined
}

/**
 * The changes after `after` whose keys begin with `prefix`, and those of the whole store. A store
 * that is gone still has its last changes. Throws `store-not-found` if it has none left, and what
 * the caller throws if the store exists.
 */
export async function readChanges(
  reader: ChangeReader,
  storeId: string,
  { after, prefix }: { after: Revision; prefix: string },
): Promise<ChangePage> {
  const { engine, caller, found } = reader
  const bound = { limit: limits.pageItemsMax, bytes: limits.pageBytesMax }
  const page = await engine.scan(changeRange(storeId, after), bound)
  // Read after the page: if a trim happened in between, the mark shows it and the page is not used.
  const [trimmed, store] = await engine.get([changesTrimmedKey(storeId), storeKey(storeId)])
  if (!store && page.entries.length === 0) throw storeNotFound(storeId)
  const seen = store
    ? await seenPrefix(reader, { storeId, store, prefix })
    : narrowedPrefix(prefix, found && caller.keyPrefix(found))
  const isDamaged = [trimmed, ...page.entries].some((entry) => entry?.isDamaged)
  if (isDamaged || (trimmed && after < decodeNumber(trimmed.value, 0))) return reset(engine)
  const changes = page.entries.flatMap(decodeChanges)
  return {
    changes: changes.filter((change) => isWholeStore(change) || isSeen(change, seen)),
    revision: changes.at(-1)?.revision ?? after,
    more: page.more,
    isReset: false,
  }
}

/** The prefix of the keys whose changes the caller may see; undefined: none. */
async function seenPrefix(
  { engine, identities, caller }: ChangeReader,
  { storeId, store, prefix }: { storeId: string; store: Entry; prefix: string },
): Promise<string | undefined> {
  const { identity } = identities.decode(storeId, store)
  const [owner] = caller.asksOwner(identity) ? await engine.get([userKey(identity.ownerId)]) : []
  caller.assert(identity, accessOf(owner))
  return narrowedPrefix(prefix, caller.keyPrefix(identity))
}

function isSeen({ key }: Change, prefix: string | undefined): boolean {
  return prefix !== undefined && key.startsWith(prefix)
}

async function reset(engine: StorageEngine): Promise<ChangePage> {
  const revision = await engine.newerThan(-1, new AbortController().signal)
  return { changes: [], revision, more: false, isReset: true }
}

function isWholeStore({ kind }: Change): boolean {
  return kind === 'clear' || kind === 'drop' || kind === 'expire'
}
