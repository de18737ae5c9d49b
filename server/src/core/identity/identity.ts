import type { Entry, Revision } from '../engine/engine.ts'
import { assert } from '../kernel/assert.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { lruCache } from '../kernel/lru-cache.ts'
import type { Project } from '../pages/project.ts'
import type { Action } from '../people/scope.ts'
import type { OwnRetention } from './retention.ts'

/** Who may read a store without being its owner (Apify's general access). */
export type GeneralAccess =
  | 'FOLLOW_USER_SETTING'
  | 'RESTRICTED'
  | 'ANYONE_WITH_ID_CAN_READ'
  | 'ANYONE_WITH_NAME_CAN_READ'

/** How NemesisDB's clients address a store. */
export interface SessionAddress {
  /** An unsigned 64-bit integer, as decimal digits. */
  readonly token: string
  /** Whether the token belongs to a session name, which any client of the owner may open. */
  readonly isShared: boolean
}

/** The description of a store. Every write to the store checks that this entry did not change. */
export interface StoreIdentity {
  readonly id: string
  readonly ownerId: string
  readonly name: string | null
  readonly title: string | null
  readonly generalAccess: GeneralAccess
  /** By user id: what other users may do with the store. */
  readonly shares: Readonly<Record<string, Action>>
  /** null: the store is not a session. */
  readonly session: SessionAddress | null
  /** null: the store is not an App Lab project. */
  readonly project: Project | null
  /** The records belong to this id: clearing the store replaces the id. */
  readonly contentId: Buffer
  readonly retention: OwnRetention
  /**
   * Milliseconds since 1970, with three decimals: no two stores that one server creates have the
   * same.
   */
  readonly createdAt: number
  /**
   * Whether there is a schema. It is stored in its own entry, since every request reads this one,
   * which must stay small. Never changes.
   */
  readonly hasSchema: boolean
  /** Signs the store's public links. A text; secret. */
  readonly signingSecret: string
  /**
   * The ids of the tokens that were shown the secret, or a link signed with it. Undefined: unknown,
   * so every token that may write to the store may have seen it.
   */
  readonly secretSeenBy?: readonly string[] | undefined
}

/** A store as it is now. */
export interface StoreInfo extends StoreIdentity {
  readonly modifiedAt: number
  readonly accessedAt: number
  /** When the store expires unless it is used before; undefined: it does not expire. */
  readonly expiresAt: number | undefined
  readonly recordCount: number
  /** Stored bytes of all values. */
  readonly storedBytes: number
  readonly readCount: number
  readonly writeCount: number
  readonly deleteCount: number
  readonly listCount: number
}

/** An identity, with the key and revision that a write to its store checks. */
export interface FoundIdentity {
  readonly identity: StoreIdentity
  readonly key: Bytes
  readonly revision: Revision
}

/** On disk: JSON, with `contentId` in hex. */
export function encodeIdentity(identity: StoreIdentity): Buffer {
  return Buffer.from(JSON.stringify({ ...identity, contentId: identity.contentId.toString('hex') }))
}

function decodeIdentity(entry: Entry): StoreIdentity {
  const fields = JSON.parse(Buffer.from(entry.value).toString('utf8'))
  assert(typeof fields.id === 'string', 'A store entry holds the id of its store.')
  return {
    hasSchema: false,
    shares: {},
    session: null,
    project: null,
    ...fields,
    contentId: Buffer.from(fields.contentId, 'hex'),
  }
}

/** Identities that were decoded before, keyed by store and valid for one revision. */
export class IdentityCache {
  readonly #found = lruCache<string, FoundIdentity>(limits.cachedStoresMax)

  /** The identity as it was last read: a guess, which its revision must confirm. */
  guess(storeId: string): FoundIdentity | undefined {
    return this.#found.get(storeId)
  }

  /** Throws `record-damaged` if the entry fails its checksum. */
  decode(storeId: string, entry: Entry): FoundIdentity {
    const found = this.#found.get(storeId)
    if (found?.revision === entry.revision) return found
    if (entry.isDamaged) {
      throw new StorageError(
        'record-damaged',
        `The stored description of store ${storeId} is damaged.`,
      )
    }
    const { key, revision } = entry
    const decoded = { identity: decodeIdentity(entry), key, revision }
    this.#found.set(storeId, decoded)
    return decoded
  }

  forget(storeId: string): void {
    this.#found.delete(storeId)
  }
}
