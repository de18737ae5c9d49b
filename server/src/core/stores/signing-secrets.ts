import type { SteadyClock } from '../clock/steady-clock.ts'
import { ownedRange, ownedStoreIdOf, sharedRange, storeKey } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import { encodeIdentity, type IdentityCache, type StoreIdentity } from '../identity/identity.ts'
import { eventsOfMany } from '../identity/store-audit.ts'
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
  readonly scopes: readonly Scope[]
}

/** For the audit trail. */
export interface Why {
  readonly because: 'token-revoked' | 'user-disabled'
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
  readonly #clock: SteadyClock

  constructor(parts: {
    engine: StorageEngine
    clock: SteadyClock
    identities: IdentityCache
    tokens: Tokens
    stores: Stores
  }) {
    this.#engine = parts.engine
    this.#identities = parts.identities
    this.#tokens = parts.tokens
    this.#stores = parts.stores
    this.#clock = parts.clock
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
  async replaceSeen({ scopes: all, ...others }: Leaver, why: Why): Promise<void> {
    const leaver = { ...others, scopes: all.filter(maySee) }
    const replaced: StoreIdentity[] = []
    const replaceAll = async (storeIds: readonly string[]): Promise<void> => {
      const work = storeIds.map((storeId) => this.#replace(storeId, leaver, { why, replaced }))
      await Promise.all(work)
      if (replaced.length < limits.storesPerAuditEventMax) return
      await this.#tell(replaced.splice(0, limits.storesPerAuditEventMax), why)
    }
    let storeIds: string[] = []
    try {
      for await (const storeId of this.#storesOf(leaver)) {
        storeIds.push(storeId)
        if (storeIds.length < limits.secretsReplacedAtOnce) continue
        await replaceAll(storeIds)
        storeIds = []
      }
      await replaceAll(storeIds)
    } finally {
      await this.#tell(replaced, why)
    }
  }

  async #replace(
    storeId: string,
    leaver: Leaver,
    { why: { actor }, replaced }: { why: Why; replaced: StoreIdentity[] },
  ): Promise<void> {
    const [store] = await this.#engine.get([storeKey(storeId)])
    if (!store || store.isDamaged) return
    const { identity } = this.#identities.decode(storeId, store)
    if (!couldWrite(leaver, identity) || !hasSeen(identity, leaver.tokenIds)) return
    const changes = { resetsSigningSecret: true, isAuditedElsewhere: true }
    try {
      await this.#stores.update(storeId, changes, { ...system, actor })
      replaced.push(identity)
    } catch (error) {
      ignoreGone(error)
    }
  }

  /** Tells the owners of stores that their secrets were replaced. */
  async #tell(replaced: readonly StoreIdentity[], { because, actor }: Why): Promise<void> {
    const what = { action: 'store-signing-secret-reset', details: { because }, actor } as const
    const event = { ...what, at: this.#clock.now() }
    for (const put of eventsOfMany(replaced, event)) {
      await this.#engine.commit({ puts: [put], isUrgent: true })
    }
  }

  async *#storesOf({ userId, scopes }: Leaver): AsyncGenerator<string> {
    const storeIds = new Set(scopes.map(({ storeId }) => storeId))
    if (!storeIds.has(undefined)) {
      for (const storeId of storeIds) if (storeId !== undefined) yield storeId
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

function couldWrite({ userId, scopes }: Leaver, { id, ownerId, shares }: StoreIdentity): boolean {
  const isUsers = userId === ownerId || includes(shares[userId], 'write')
  return isUsers && scopes.some((scope) => covers(scope, id, 'all'))
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
