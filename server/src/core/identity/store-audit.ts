import type { Put, Revision } from '../engine/engine.ts'
import type { Actor } from '../log/actor.ts'
import { type AuditAction, auditPut } from '../log/audit.ts'
import type { StoreIdentity } from './identity.ts'
import type { StoreChanges } from './store-changes.ts'

/** The event in the audit trail for changes to a store. */
export function changesEvent(
  { id, ownerId, name }: StoreIdentity,
  event: {
    changes: StoreChanges
    /** Whether all links that were signed before became invalid too. */
    endsLinks: boolean
    actor: Actor | undefined
    before: Revision | undefined
    at: number
  },
): Put {
  const { changes, endsLinks, ...when } = event
  const action = actionOf(changes)
  const details = { ...detailsOf(changes), ...(endsLinks && { endsLinks }) }
  return auditPut(ownerId, { action, subject: name ?? id, storeId: id, details, ...when })
}

function actionOf(changes: StoreChanges): AuditAction {
  const { resetsSigningSecret, shares, generalAccess, project, projectChanges, seed } = changes
  if (resetsSigningSecret) return 'store-signing-secret-reset'
  if (project !== undefined) return project ? 'project-made' : 'project-removed'
  if (projectChanges?.rotatesPageKey) return 'page-key-rotated'
  if (projectChanges) return 'project-changed'
  if (seed !== undefined) return 'project-seed-changed'
  return shares || generalAccess !== undefined ? 'store-access-changed' : 'store-changed'
}

/**
 * The details without secrets: for an address, a key or a seed only whether it was set or removed.
 */
function detailsOf(changes: StoreChanges): object {
  const { resetsSigningSecret, resetBecause, session, project, projectChanges, seed, ...details } =
    changes
  const { rotatesPageKey, ...settings } = projectChanges ?? {}
  return {
    ...details,
    ...settings,
    ...(resetBecause && { because: resetBecause }),
    ...(session !== undefined && { session: session !== null }),
    ...(project !== undefined && { project: project !== null }),
    ...(seed !== undefined && { seed: seed !== null }),
  }
}
