import type { Access } from '../access/access.ts'
import { StorageError } from '../kernel/errors.ts'
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
    await this.#end(await this.#tokens.get(id), actor)
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
    for (const token of await this.#tokens.listEnded()) await this.#finishToken(token, undefined)
    for (const user of await this.#users.listLeaving()) await this.#finishUser(user, undefined)
  }

  async #end(token: Token, actor: Actor | undefined): Promise<void> {
    if (!maySee(token.scope)) {
      await this.#tokens.revoke(token.id, actor)
      this.#access.forget()
      return
    }
    await this.#tokens.end(token.id, actor)
    this.#access.forget()
    await this.#finishToken(token, actor)
  }

  async #finishToken(token: Token, actor: Actor | undefined): Promise<void> {
    const { id, userId, scope, expiresAt } = token
    const made = expiresAt === undefined ? [] : await this.#tokens.listMadeBy(id)
    for (const one of made) await this.#end(one, actor).catch(ignoreEnded)
    const leaver = { userId, tokenIds: [id], scope }
    await this.#secrets.replaceSeen(leaver, { because: 'token-revoked', actor })
    await this.#tokens.remove(id)
  }

  async #finishUser({ id: userId }: User, actor: Actor | undefined): Promise<void> {
    const tokenIds = (await this.#tokens.list(userId)).map(({ id }) => id)
    const leaver = { userId, tokenIds, scope: fullScope }
    await this.#secrets.replaceSeen(leaver, { because: 'user-disabled', actor })
    await this.#users.noteLeft(userId)
  }
}

/** Another request ended the token at the same time. */
function ignoreEnded(error: unknown): void {
  if (error instanceof StorageError && error.code === 'token-not-found') return
  throw error
}
