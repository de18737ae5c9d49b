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

/**
 * What a page needs: `use` to get and set; if the owner turned that on, `delete` to delete, and to
 * list the keys under a prefix.
 */
export type PageRight = 'use' | 'delete' | { readonly listed: string }

/** The header of the signed user id. Pages send it; a page without an id gets a new one in it. */
export const userHeader = 'X-Page-User'

/** A page has no user and no token: only its door is known. */
const somePage: Actor = { userId: '', tokenId: '', door: 'applab' }

/** A decision about a key. It holds only as long as this rule applies to the key. */
export interface Decision {
  readonly key: string
  readonly rule: PageRule
}

/** A page without a token, for one call: its page key, its user and its rights. */
export class Page {
  /** Undefined also if it is empty: then it comes from a field that nobody filled in. */
  readonly pageKey: string | undefined
  readonly #userText: string | undefined
  readonly #right: PageRight
  #identity: StoreIdentity | undefined
  /** The version of the project whose page key was checked. */
  #letInTo: StoreIdentity | undefined
  #decision: Decision | undefined
  /**
   * The user id that was checked for a project; undefined: the page sent none that the project
   * issued.
   */
  #proved: { readonly project: Project; readonly userId: string | undefined } | undefined
  /** The new user id of this call: at most one is issued. */
  #issued: string | undefined

  constructor(
    { request, query }: { request: Pick<HttpRequest, 'header'>; query: Query },
    { right }: { right: PageRight },
  ) {
    this.pageKey = request.header('x-page-key') || query.text('pageKey')
    // Pages can't send headers with an EventSource.
    this.#userText = request.header(userHeader.toLowerCase()) ?? query.text('pageUser')
    this.#right = right
  }

  /** The page as a caller of the store. Each use checks the rights against the current store. */
  readonly caller: Caller = {
    actor: somePage,
    asksOwner: () => false,
    assert: (identity) => this.#assert(identity),
    keyPrefix: () => undefined,
    assertValid: async () => undefined,
    rightsKey: () => JSON.stringify(['page', this.pageKey ?? null, this.#right]),
  }

  /** The store's identity when it was last used; undefined: the page was not let in. */
  get identity(): StoreIdentity | undefined {
    return this.#identity
  }

  /** The id of the page's user; undefined: it sent none, or one that the project did not issue. */
  userId(): string | undefined {
    const project = this.#identity?.project
    if (!project || this.#userText === undefined) return undefined
    if (this.#proved?.project !== project) {
      this.#proved = { project, userId: userIdOf(this.#userText, project) }
    }
    return this.#proved.userId
  }

  /**
   * From now on, uses of the store throw RulesChanged if `decision` does not hold any more.
   * Undefined: nothing is checked.
   */
  decideBy(decision: Decision | undefined): void {
    this.#decision = decision
  }

  /** Lets the page in without a page key: the call has a token. */
  see(identity: StoreIdentity): void {
    this.#identity = identity
  }

  /** The id of the page's user, or a new one; undefined: the page was not let in. */
  userIdOrNew(environment: Environment): string | undefined {
    return this.#identity && (this.userId() ?? this.#newUserId(environment))
  }

  /** The header that gives the page a new user id; nothing if it has one or was not let in. */
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
    const { project } = identity
    const isLetIn = project !== null && identity === this.#letInTo
    const open = isLetIn ? project : this.#letIn(identity)
    this.#identity = identity
    this.#assertRight(open)
    this.#assertAsDecided(open)
  }

  #assertRight({ mayDelete, listPrefixes }: Project): void {
    const right = this.#right
    if (right === 'use') return
    if (right === 'delete') {
      if (!mayDelete) throw PageDenied.noDeletion()
      return
    }
    const isListed = listPrefixes.some((prefix) => right.listed.startsWith(prefix))
    if (!isListed) throw PageDenied.noListing(right.listed)
  }

  /** Checks the page key once for each version of the project, however often a call uses it. */
  #letIn(identity: StoreIdentity): Project {
    this.#identity = undefined
    const { project } = identity
    if (!project) throw projectNotFound('')
    this.#assertKey(project)
    this.#letInTo = identity
    return project
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
