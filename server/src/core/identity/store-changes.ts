import type { Bytes } from '../kernel/bytes.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { randomAlphanumerics } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import {
  changedProject,
  type Project,
  type ProjectChanges,
  projectNotFound,
} from '../pages/project.ts'
import { type Action, includes } from '../people/scope.ts'
import type { GeneralAccess, SessionAddress, StoreIdentity } from './identity.ts'
import type { OwnRetention } from './retention.ts'

export const signingSecretLength = 32

/** What may be changed of a store; what is left out stays. */
export interface StoreChanges {
  /** null takes the name away, and the store's time begins again. */
  readonly name?: string | null
  readonly title?: string | null
  readonly generalAccess?: GeneralAccess
  readonly retention?: OwnRetention
  /** What other users may do, by their ids; null: nothing any more. Nobody else changes. */
  readonly shares?: Readonly<Record<string, Action | null>>
  /** null: it is no session any more. */
  readonly session?: SessionAddress | null
  /** What it is as a project where it is none yet; null: it is none any more, and has no seed. */
  readonly project?: Project | null
  /** Of a store that is a project. */
  readonly projectChanges?: ProjectChanges
  /** Of a store that is a project, as `encodeSeed` makes it; null: it has none any more. */
  readonly seed?: Bytes | null
  /** True: all links that were signed so far end. */
  readonly resetsSigningSecret?: boolean
}

/**
 * The store after these changes. Throws `share-invalid`, `project-not-found`, `page-rules-invalid`.
 */
export function changed(
  identity: StoreIdentity,
  all: StoreChanges,
  environment: Environment,
): StoreIdentity {
  const { shares, resetsSigningSecret, project, projectChanges, seed, ...changes } = all
  const merged = mergedShares(identity, shares ?? {})
  // Who could write knows the secret: links must not outlive the right to make them.
  const isReset = resetsSigningSecret || hasLostWriter(identity.shares, merged)
  const secret = isReset && randomAlphanumerics(environment, signingSecretLength)
  return {
    ...identity,
    ...changes,
    shares: merged,
    project: projectAfter(identity, all, environment),
    ...(secret && { signingSecret: secret }),
  }
}

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
    throw new StorageError('share-invalid', 'The store belongs to that user already.')
  }
  const merged: Record<string, Action> = {}
  for (const [userId, action] of Object.entries({ ...before, ...shares })) {
    if (action !== null) merged[userId] = action
  }
  if (Object.keys(merged).length <= limits.sharesPerStoreMax) return merged
  const rule = `with at most ${limits.sharesPerStoreMax} users`
  throw new StorageError('share-invalid', `A store can be shared ${rule}.`)
}
