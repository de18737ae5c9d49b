import type { Bytes } from '../kernel/bytes.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { randomAlphanumerics } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { isSameRule } from '../pages/page-rules.ts'
import {
  changedProject,
  type PageRule,
  type Project,
  type ProjectChanges,
  projectNotFound,
} from '../pages/project.ts'
import { type Action, includes } from '../people/scope.ts'
import type { GeneralAccess, SessionAddress, StoreIdentity } from './identity.ts'
import type { OwnRetention } from './retention.ts'

export const signingSecretLength = 32

/** The changes to a store. Settings that are left out stay as they are. */
export interface StoreChanges {
  /** null removes the name, and the store's time starts again. */
  readonly name?: string | null
  readonly title?: string | null
  readonly generalAccess?: GeneralAccess
  readonly retention?: OwnRetention
  /**
   * By user id: the new rights of other users; null removes them. The rights of users who are left
   * out stay.
   */
  readonly shares?: Readonly<Record<string, Action | null>>
  /** Makes the store this session, unless it is one already. null: it is no longer a session. */
  readonly session?: SessionAddress | null
  /**
   * Makes the store this project, unless it is one already. null: it is no longer a project, and
   * loses its seed.
   */
  readonly project?: Project | null
  /** Only for a store that is a project. */
  readonly projectChanges?: ProjectChanges
  /** Only for a store that is a project: the seed as `encodeSeed` makes it; null removes it. */
  readonly seed?: Bytes | null
  /** True: all links that were signed so far become invalid. */
  readonly resetsSigningSecret?: boolean
  /** True: the caller adds an event about many stores to the audit trail. */
  readonly isAuditedElsewhere?: boolean
}

/**
 * The store after these changes. Throws `share-invalid`, `project-not-found`, `page-rules-invalid`.
 */
export function changed(
  identity: StoreIdentity,
  all: StoreChanges,
  environment: Environment,
): StoreIdentity {
  const {
    shares,
    resetsSigningSecret,
    isAuditedElsewhere: _,
    session,
    project,
    projectChanges,
    seed,
    ...changes
  } = all
  const merged = mergedShares(identity, shares ?? {})
  // Users with the right to write know the secret. Links must not outlive the right to make them.
  const isReset = resetsSigningSecret || hasLostWriter(identity.shares, merged)
  const secret = isReset && randomAlphanumerics(environment, signingSecretLength)
  return {
    ...identity,
    ...changes,
    shares: merged,
    session: session === null ? null : (identity.session ?? session ?? null),
    project: projectAfter(identity, all, environment),
    ...(secret && { signingSecret: secret, secretSeenBy: [] }),
  }
}

/**
 * Whether the changes only make the store a session or a project, and it is one already. Another
 * request may have been faster.
 */
export function isMadeAlready(
  identity: StoreIdentity,
  { session, project, ...others }: StoreChanges,
): boolean {
  if ((!session && !project) || Object.keys(others).length > 0) return false
  const hasSession = session === undefined || (session !== null && identity.session !== null)
  const hasProject = project === undefined || (project !== null && identity.project !== null)
  return hasSession && hasProject
}

/** Whether the change gives a user, or everybody, a right that they did not have. */
export function givesRights(before: StoreIdentity, after: StoreIdentity): boolean {
  const isOpened = openness[after.generalAccess] > openness[before.generalAccess]
  return (
    isOpened ||
    Object.entries(after.shares).some(([userId, action]) => {
      return !includes(before.shares[userId], action)
    }) ||
    givesPagesRights(before.project, after.project)
  )
}

/** Whether pages, which everybody may open, can do more than before. */
function givesPagesRights(before: Project | null, after: Project | null): boolean {
  if (!before || !after) return after !== null
  const isOpened = (after.isOpen && !before.isOpen) || (after.mayDelete && !before.mayDelete)
  const isListed = after.listPrefixes.some(
    (prefix) => !before.listPrefixes.some((known) => prefix.startsWith(known)),
  )
  return isOpened || isListed || !areAsStrict(before.rules, after.rules)
}

/** Whether the rules are the same, except that more keys may only be read. */
function areAsStrict(before: readonly PageRule[], after: readonly PageRule[]): boolean {
  const isKept = (rule: PageRule): boolean =>
    rule.preset === 'anything' ||
    after.some((one) => isSameRule(one, rule) || isSameRule(one, { ...rule, preset: 'read-only' }))
  const isStrict = (rule: PageRule): boolean =>
    rule.preset === 'read-only' || before.some((one) => isSameRule(one, rule))
  return before.every(isKept) && after.every(isStrict)
}

/** With the owner's setting, a store can be as open as by its id. */
const openness = {
  RESTRICTED: 0,
  FOLLOW_USER_SETTING: 1,
  ANYONE_WITH_ID_CAN_READ: 2,
  ANYONE_WITH_NAME_CAN_READ: 3,
} as const satisfies Record<GeneralAccess, number>

function projectAfter(
  { id, project: before }: StoreIdentity,
  { project, projectChanges, seed }: StoreChanges,
  environment: Environment,
): Project | null {
  if (project === null) return null
  const next = before ?? project ?? null
  if (projectChanges === undefined && seed === undefined) return next
  if (!next) throw projectNotFound(id)
  const hasSeed = seed === undefined ? next.hasSeed : seed !== null
  return { ...changedProject(next, projectChanges ?? {}, environment), hasSeed }
}

function hasLostWriter(
  before: StoreIdentity['shares'],
  after: Readonly<Record<string, Action>>,
): boolean {
  return Object.entries(before).some(
    ([userId, action]) => includes(action, 'write') && !includes(after[userId], 'write'),
  )
}

function mergedShares(
  { ownerId, shares: before }: StoreIdentity,
  shares: Readonly<Record<string, Action | null>>,
): Record<string, Action> {
  if (Object.hasOwn(shares, ownerId)) {
    throw new StorageError('share-invalid', 'A store cannot be shared with its owner.')
  }
  const merged: Record<string, Action> = {}
  for (const [userId, action] of Object.entries({ ...before, ...shares })) {
    if (action !== null) merged[userId] = action
  }
  if (Object.keys(merged).length <= limits.sharesPerStoreMax) return merged
  const rule = `with at most ${limits.sharesPerStoreMax} users`
  throw new StorageError('share-invalid', `A store can be shared ${rule}.`)
}
