import type { Put, Revision } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import type { Actor } from '../log/actor.ts'
import { type AuditAction, type AuditEvent, auditPut } from '../log/audit.ts'
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

/**
 * Events for what was done to many stores at once: one for up to 100 stores of an owner. Each must
 * be put by a commit of its own.
 */
export function eventsOfMany(
  stores: readonly Pick<StoreIdentity, 'id' | 'ownerId' | 'name'>[],
  event: Pick<AuditEvent, 'action' | 'at' | 'actor' | 'details'>,
): readonly Put[] {
  return [...Map.groupBy(stores, ({ ownerId }) => ownerId)].flatMap(([ownerId, own]) => {
    const puts: Put[] = []
    for (let first = 0; first < own.length; first += limits.storesPerAuditEventMax) {
      const some = own.slice(first, first + limits.storesPerAuditEventMax)
      puts.push(auditPut(ownerId, { ...event, ...subjectOf(some, event) }))
    }
    return puts
  })
}

function subjectOf(
  stores: readonly Pick<StoreIdentity, 'id' | 'name'>[],
  { details }: Pick<AuditEvent, 'details'>,
): Pick<AuditEvent, 'subject' | 'storeId' | 'details'> {
  const [only] = stores
  if (only && stores.length === 1) return { subject: only.name ?? only.id, storeId: only.id }
  const ids = stores.map(({ id }) => id)
  return { subject: `${ids.length} stores`, details: { ...details, stores: ids } }
}

/** Whether the event is about the store, alone or among others. */
export function isAbout({ storeId, details }: AuditEvent, id: string): boolean {
  if (storeId === id) return true
  if (!details || !('stores' in details) || !Array.isArray(details.stores)) return false
  return details.stores.includes(id)
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
  const { resetsSigningSecret, session, project, projectChanges, seed, ...details } = changes
  const { rotatesPageKey, ...settings } = projectChanges ?? {}
  return {
    ...details,
    ...settings,
    ...(session !== undefined && { session: session !== null }),
    ...(project !== undefined && { project: project !== null }),
    ...(seed !== undefined && { seed: seed !== null }),
  }
}
