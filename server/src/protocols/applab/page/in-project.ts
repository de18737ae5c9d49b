import { requireAccount, requireUser } from '../../../core/access/access.ts'
import type { Principal, UserPrincipal } from '../../../core/access/principal.ts'
import { hidingUnseen } from '../../../core/access/seen.ts'
import type { Caller } from '../../../core/identity/caller.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { projectNotFound } from '../../../core/pages/project.ts'
import type { Action, Extent } from '../../../core/people/scope.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { PageCall } from './call.ts'
import { PageDenied, PageError } from './errors.ts'
import { Page, type PageRight } from './page.ts'

/** What a call does with its project. */
export interface Use {
  /** What the call's token must allow. */
  readonly action: Action
  readonly extent: Extent
  /** The right that a page needs; undefined: pages may not do this, it needs a token. */
  readonly right?: PageRight
}

/**
 * Runs `use` with the project of a call, with the rights of its page or of its token's user. If the
 * project that this server has cached for the channel is gone, it is looked up again and `use` runs
 * again. Throws `project-not-found`, `token-missing`, PageDenied, PageError, and what `use` throws.
 */
export async function inProject<T>(
  call: PageCall,
  { page, ...wanted }: Use & { readonly page: Page | undefined },
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const find = (): Store | Promise<Store> =>
    page ? findForPage(call, page) : findForUser(call, wanted)
  const found = find()
  const store = found instanceof Promise ? await found : found
  try {
    return await use(store)
  } catch (error) {
    if (!isGone(error)) throw error
    return use(await find())
  }
}

/**
 * The page of a call; undefined: the call has a token. Throws `token-missing` if pages may not do
 * this.
 */
export function pageOf(call: PageCall, right: PageRight | undefined): Page | undefined {
  if (call.principal.kind === 'user') return undefined
  if (right === undefined) requireUser(call.principal)
  return right && new Page(call, { right })
}

/** Throws `access-denied` if the call's token only allows other keys of this store. */
export function assertKeysInScope(
  { principal }: PageCall,
  { id }: Store,
  keys: Iterable<string>,
): void {
  if (principal.kind === 'nobody' || principal.scope.storeId !== id) return
  const { keyPrefix = '' } = principal.scope
  for (const key of keys) {
    if (key.startsWith(keyPrefix)) continue
    throw new StorageError(
      'access-denied',
      `This token only allows keys that begin with ${keyPrefix}.`,
    )
  }
}

async function findForPage(call: PageCall, page: Page): Promise<Store> {
  page.decideBy(undefined)
  const { pageKey } = page
  const store = await (pageKey === undefined ? find(call, page) : tryKey(call, page, pageKey))
  assertNotTooFast(call, page)
  return store
}

async function tryKey(call: PageCall, page: Page, pageKey: string): Promise<Store> {
  const { request, pageKeys, subject: channelId } = call
  const shown = { channelId, pageKey, peer: request.peer }
  try {
    const store = await pageKeys.during(shown, async () => find(call, page))
    pageKeys.noteRight(shown)
    return store
  } catch (error) {
    if (error instanceof PageDenied && !page.identity) pageKeys.noteWrong(shown)
    throw error
  }
}

function find(
  { domain, request, subject: channelId }: PageCall,
  page: Page,
): Store | Promise<Store> {
  return domain.projects.find(channelId, { caller: page.caller, peer: request.peer })
}

/** Throws PageError `RATE_LIMIT`. */
function assertNotTooFast(call: PageCall, page: Page): void {
  const { pageRates, request, subject: channelId } = call
  const waitMs = pageRates.take({ channelId, userId: page.userId(), peer: request.peer })
  if (waitMs === 0) return
  const seconds = Math.ceil(waitMs / secondMs)
  const headers = { 'Retry-After': `${seconds}` }
  const wait = seconds === 1 ? '1 second' : `${seconds} seconds`
  const message = `Too many calls come from this page or project: wait ${wait}.`
  throw new PageError({ status: 429, type: 'RATE_LIMIT', headers }, message)
}

const secondMs = 1_000

async function findForUser(call: PageCall, wanted: Omit<Use, 'right'>): Promise<Store> {
  const { domain, principal, subject: channelId, settings } = call
  if (principal.kind === 'nobody') throw new StorageError('token-missing', 'This needs a token.')
  const caller = userCaller(call, principal, wanted)
  // Here no guesses are counted: a project that the user may not read looks like a missing one.
  const find = (): Store | Promise<Store> =>
    domain.projects.find(channelId, { caller, peer: undefined })
  try {
    return await find()
  } catch (error) {
    if (!isGone(error) || !settings.autoCreate || !mayMake(principal)) throw error
  }
  const { isOperator, user } = principal
  // Making a project tells that its channel id was free, so a user can guess ids that are not.
  if (!isOperator) domain.projects.assertMayGuess(channelId, user.id)
  await make(call, principal)
  try {
    return await find()
  } catch (error) {
    if (isGone(error) && !isOperator) domain.projects.countMiss(channelId, user.id)
    throw error
  }
}

/**
 * Creates the project of a channel id that the user chose, on the first call that names it. Does
 * nothing if there is one: another request was faster, or it belongs to another user.
 */
async function make(
  { domain, subject: channelId }: PageCall,
  principal: UserPrincipal,
): Promise<void> {
  const { user, tokenId, isOperator } = principal
  const actor = { userId: user.id, tokenId, door: isOperator ? 'cli' : 'applab' } as const
  const project = { ownerId: user.id, name: channelId, channelId, actor }
  try {
    await domain.projects.create(project)
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    if (error.code === 'project-taken') return
    throw error.code === 'channel-invalid' ? projectNotFound(channelId) : error
  }
}

function mayMake(principal: Principal): boolean {
  try {
    requireAccount(principal, 'write')
    return true
  } catch (error) {
    if (error instanceof StorageError) return false
    throw error
  }
}

/** Callers without read access get the same answer as for a missing project. */
function userCaller(
  { domain, subject: channelId }: PageCall,
  principal: UserPrincipal,
  use: Omit<Use, 'right'>,
): Caller {
  const caller = domain.access.callerFor(principal, 'applab', use)
  return hidingUnseen(caller, principal, () => projectNotFound(channelId))
}

function isGone(error: unknown): boolean {
  const codes: readonly string[] = ['store-not-found', 'project-not-found']
  return error instanceof StorageError && codes.includes(error.code)
}
