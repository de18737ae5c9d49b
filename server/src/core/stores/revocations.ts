import type { Access } from '../access/access.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { Actor } from '../log/actor.ts'
import { fullScope } from '../people/scope.ts'
import type { Token, Tokens } from '../people/tokens.ts'
import type { User, UserChanges, Users } from '../people/users.ts'
import { maySee, type SigningSecrets } from './signing-secrets.ts'

/**
 * Ends the rights of tokens and users, and whatever they could still use afterwards. The right ends
 * first; the secrets that it showed are replaced after that. A server that stops in between leaves
 * a mark, and `resume` does the rest.
 */
export class Revocations {
  readonly #tokens: Tokens
  readonly #users: Users
  readonly #secrets: SigningSecrets
  readonly #access: Access

  constructor(parts: { tokens: Tokens; users: Users; secrets: SigningSecrets; access: Access }) {
    this.#tokens = parts.tokens
    this.#users = parts.users
    this.#secrets = parts.secrets
    this.#access = parts.access
  }

  /**
   * Ends a token. With a token that expires, all tokens end that it made. Throws
   * `token-not-found`.
   */
  async revokeToken(id: string, actor?: Actor): Promise<void> {
    const { scope } = await this.#tokens.get(id)
    if (!maySee(scope)) {
      await this.#tokens.revoke(id, actor)
      this.#access.forget()
      return
    }
    const ended = await this.#tokens.end(id, actor)
    this.#access.forget()
    await this.#finishTokens([ended], actor)
  }

  /** Changes a user. Throws `user-not-found`, `last-admin`. */
  async updateUser(userId: string, changes: UserChanges, actor?: Actor): Promise<User> {
    const isLeaving = changes.isDisabled === true
    const wanted = isLeaving ? { ...changes, isLeaving } : changes
    const user = await this.#users.update(userId, wanted, actor)
    this.#access.forget()
    if (isLeaving) await this.#finishUser(user, actor)
    return user
  }

  /** Finishes what a server began before it stopped. */
  async resume(): Promise<void> {
    await this.#finishTokens(await this.#tokens.listEnded(), undefined)
    for (const user of await this.#users.listLeaving()) await this.#finishUser(user, undefined)
  }

  /** Ends first all rights that must end, since it may take long to find the secrets. */
  async #finishTokens(tokens: readonly Token[], actor: Actor | undefined): Promise<void> {
    const all = [...tokens, ...(await this.#endMade(tokens, actor))]
    for (const [userId, own] of Map.groupBy(all, (token) => token.userId)) {
      const tokenIds = own.map(({ id }) => id)
      const leaver = { userId, tokenIds, scopes: own.map(({ scope }) => scope) }
      await this.#secrets.replaceSeen(leaver, { because: 'token-revoked', actor })
    }
    for (const { id } of all) await this.#tokens.remove(id)
  }

  /** Ends the tokens that tokens which expire made, that these made, and so on. Returns them. */
  async #endMade(makers: readonly Token[], actor: Actor | undefined): Promise<readonly Token[]> {
    const ids = makers.filter(({ expiresAt }) => expiresAt !== undefined).map(({ id }) => id)
    const ended: Token[] = []
    while (ids.length > 0) {
      const made = await this.#tokens.listMadeBy(ids)
      // A token may have made another one before its own end: so they are listed again.
      if (made.length === 0) break
      await this.#endAll(made, actor)
      this.#access.forget()
      ended.push(...made)
    }
    return ended
  }

  async #endAll(tokens: readonly Token[], actor: Actor | undefined): Promise<void> {
    const rest = [...tokens]
    while (rest.length > 0) {
      const some = rest.splice(0, limits.secretsReplacedAtOnce)
      await Promise.all(some.map(({ id }) => this.#tokens.end(id, actor).catch(ignoreEnded)))
    }
  }

  async #finishUser({ id: userId }: User, actor: Actor | undefined): Promise<void> {
    const tokenIds = (await this.#tokens.list(userId)).map(({ id }) => id)
    const leaver = { userId, tokenIds, scopes: [fullScope] }
    await this.#secrets.replaceSeen(leaver, { because: 'user-disabled', actor })
    await this.#users.noteLeft(userId)
  }
}

/** Another request ended the token at the same time. */
function ignoreEnded(error: unknown): void {
  if (error instanceof StorageError && error.code === 'token-not-found') return
  throw error
}
