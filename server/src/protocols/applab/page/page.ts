import type { Caller } from '../../../core/identity/caller.ts'
import type { StoreIdentity } from '../../../core/identity/identity.ts'
import type { Environment } from '../../../core/kernel/environment.ts'
import type { Actor } from '../../../core/log/actor.ts'
import { isSameRule, ruleFor } from '../../../core/pages/page-rules.ts'
import { type PageRule, type Project, projectNotFound } from '../../../core/pages/project.ts'
import type { HttpRequest } from '../../../transport/exchange.ts'
import type { Query } from '../../rest/query.ts'
import { PageDenied, RulesChanged } from './errors.ts'
import { createUserId, isSameText, signedUserId, userIdOf } from './page-user.ts'

/** What pages may do: get and set at once, delete where the owner turned it on. */
export type PageRight = 'use' | 'delete'

/** What a page sends along, and is given where it has none. */
export const userHeader = 'X-Page-User'

/** Nobody is known, but through which door they came. */
const somePage: Actor = { userId: '', tokenId: '', door: 'applab' }

/** A decision that holds while the project is as it was. */
export interface Decision {
  readonly key: string
  readonly rule: PageRule
}

/** A page without a token, in one call: what it comes with, and what it may do. */
export class Page {
  /** An empty one is none: a field that nobody filled in. */
  readonly pageKey: string | undefined
  readonly #userText: string | undefined
  readonly #right: PageRight
  #identity: StoreIdentity | undefined
  #decision: Decision | undefined
  /** What its user's id was found to be, in which project. */
  #proved: { readonly project: Project; readonly userId: string | undefined } | undefined
  /** One for all of the call. */
  #issued: string | undefined

  constructor(
    { request, query }: { request: Pick<HttpRequest, 'header'>; query: Query },
    { right }: { right: PageRight },
  ) {
    this.pageKey = request.header('x-page-key') || query.text('pageKey')
    this.#userText = request.header(userHeader.toLowerCase())
    this.#right = right
  }

  /** The page as a caller of the store; what the store is each time is looked at anew. */
  readonly caller: Caller = {
    actor: somePage,
    asksOwner: () => false,
    assert: (identity) => this.#assert(identity),
    keyPrefix: () => undefined,
    assertValid: async () => undefined,
  }

  /** What the store was when it was last used; undefined: the page was not let in. */
  get identity(): StoreIdentity | undefined {
    return this.#identity
  }

  /** Of its user, as far as the server gave it that; undefined: it has none. */
  userId(): string | undefined {
    const project = this.#identity?.project
    if (!project || this.#userText === undefined) return undefined
    if (this.#proved?.project !== project) {
      this.#proved = { project, userId: userIdOf(this.#userText, project) }
    }
    return this.#proved.userId
  }

  /** From now on every use of the store throws RulesChanged where this is not so any more. */
  decideBy(decision: Decision | undefined): void {
    this.#decision = decision
  }

  /** As one that was let in, for whoever needs no page key. */
  see(identity: StoreIdentity): void {
    this.#identity = identity
  }

  /** The id of its user, or a new one; undefined where the page was not let in. */
  userIdOrNew(environment: Environment): string | undefined {
    return this.#identity && (this.userId() ?? this.#newUserId(environment))
  }

  /** What makes an id known to its user that they do not have yet. */
  userHeaders(environment: Environment): Record<string, string> {
    const project = this.#identity?.project
    if (!project || this.userId() !== undefined) return {}
    return { [userHeader]: signedUserId(this.#newUserId(environment), project) }
  }

  #newUserId(environment: Environment): string {
    this.#issued ??= createUserId(environment)
    return this.#issued
  }

  #assert(identity: StoreIdentity): void {
    this.#identity = undefined
    const { project } = identity
    if (!project) throw projectNotFound('')
    this.#assertKey(project)
    this.#identity = identity
    if (this.#right === 'delete' && !project.mayDelete) throw PageDenied.noDeletion()
    this.#assertAsDecided(project)
  }

  #assertKey({ isOpen, pageKey }: Project): void {
    if (this.pageKey === undefined) {
      if (!isOpen) throw PageDenied.keyMissing()
    } else if (!isSameText(this.pageKey, pageKey)) throw PageDenied.keyInvalid()
  }

  #assertAsDecided({ rules }: Project): void {
    const decided = this.#decision
    if (!decided || isSameRule(decided.rule, ruleFor(rules, decided.key))) return
    throw new RulesChanged()
  }
}
