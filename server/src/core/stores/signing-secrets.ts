import { ownedRange, ownedStoreIdOf, sharedRange, storeKey } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import { encodeIdentity, type IdentityCache, type StoreIdentity } from '../identity/identity.ts'
import type { StoreChanges } from '../identity/store-changes.ts'
import { ignoreGone, storeBusy } from '../identity/store-reader.ts'
import { limits } from '../kernel/limits.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import type { Actor } from '../log/actor.ts'
import { covers, includes, type Scope } from '../people/scope.ts'
import type { Tokens } from '../people/tokens.ts'
import type { Stores } from './stores.ts'

/** Whose sight of signing secrets ends. */
export interface Leaver {
  readonly userId: string
  /** The tokens that are no longer valid. */
  readonly tokenIds: readonly string[]
  /** What they allowed. */
  readonly scope: Scope
}

/** For the audit trail. */
export interface Why {
  readonly because: NonNullable<StoreChanges['resetBecause']>
  readonly actor: Actor | undefined
}

/**
 * Who was shown the secrets that sign the public links of stores. Whoever has seen a secret can
 * sign links by themselves, also after they lost their rights. So it is replaced then.
 */
export class SigningSecrets {
  readonly #engine: StorageEngine
  readonly #identities: IdentityCache
  readonly #tokens: Tokens
  readonly #stores: Stores

  constructor(parts: {
    engine: StorageEngine
    identities: IdentityCache
    tokens: Tokens
    stores: Stores
  }) {
    this.#engine = parts.engine
    this.#identities = parts.identities
    this.#tokens = parts.tokens
    this.#stores = parts.stores
  }

  /**
   * To be called before the secret of this store, or a link signed with it, is shown to a token.
   * False: it must not be shown, because the token is no longer valid or the secret was replaced.
   */
  async noteShown({ id, signingSecret }: StoreIdentity, tokenId: string): Promise<boolean> {
    const attempt = async (): Promise<boolean | typeof lostRace> => {
      const [store] = await this.#engine.get([storeKey(id)])
      if (!store) return false
      const { identity } = this.#identities.decode(id, store)
      if (identity.signingSecret !== signingSecret) return false
      if (hasSeen(identity, [tokenId])) return true
      const valid = await this.#tokens.checksOf(tokenId)
      if (!valid) return false
      const next = { ...identity, secretSeenBy: withToken(identity.secretSeenBy, tokenId) }
      const puts = [{ key: store.key, value: encodeIdentity(next) }]
      const { applied } = await this.#engine.commit({ checks: [store, ...valid], puts })
      return applied ? true : lostRace
    }
    return retry(limits.writeAttemptsMax, attempt, () => {
      throw storeBusy(id)
    })
  }

  /** Replaces every secret that the tokens saw. */
  async replaceSeen(leaver: Leaver, why: Why): Promise<void> {
    if (!maySee(leaver.scope)) return
    const replaceAll = (storeIds: readonly string[]): Promise<unknown> =>
      Promise.all(storeIds.map((storeId) => this.#replace(storeId, leaver, why)))
    let storeIds: string[] = []
    for await (const storeId of this.#storesOf(leaver)) {
      storeIds.push(storeId)
      if (storeIds.length < limits.secretsReplacedAtOnce) continue
      await replaceAll(storeIds)
      storeIds = []
    }
    await replaceAll(storeIds)
  }

  async #replace(storeId: string, leaver: Leaver, { because, actor }: Why): Promise<void> {
    const [store] = await this.#engine.get([storeKey(storeId)])
    if (!store || store.isDamaged) return
    const { identity } = this.#identities.decode(storeId, store)
    if (!couldWrite(leaver, identity) || !hasSeen(identity, leaver.tokenIds)) return
    const changes = { resetsSigningSecret: true, resetBecause: because }
    await this.#stores.update(storeId, changes, { ...system, actor }).catch(ignoreGone)
  }

  async *#storesOf({ userId, scope: { storeId } }: Leaver): AsyncGenerator<string> {
    if (storeId !== undefined) {
      yield storeId
      return
    }
    const owned = ownedRange(userId, { named: false, newestFirst: true })
    for (const range of [owned, sharedRange(userId)]) {
      for await (const { key } of walk(this.#engine, range)) yield ownedStoreIdOf(key)
    }
  }
}

/** Whether a token with this scope can be shown the secret of any store. */
export function maySee({ action, keyPrefix }: Scope): boolean {
  return includes(action, 'write') && keyPrefix === undefined
}

function couldWrite({ userId, scope }: Leaver, { id, ownerId, shares }: StoreIdentity): boolean {
  const isUsers = userId === ownerId || includes(shares[userId], 'write')
  return isUsers && covers(scope, id, 'all')
}

/** Whether one of the tokens may have seen the secret. */
function hasSeen({ secretSeenBy }: StoreIdentity, tokenIds: readonly string[]): boolean {
  return secretSeenBy === undefined || tokenIds.some((tokenId) => secretSeenBy.includes(tokenId))
}

/** Undefined if there are too many: then every token counts as one that has seen the secret. */
function withToken(
  seenBy: readonly string[] | undefined,
  tokenId: string,
): readonly string[] | undefined {
  return seenBy && seenBy.length < limits.secretSeenByMax ? [...seenBy, tokenId] : undefined
}
