import { auditKey, decodeNumber } from '../disk/keyspace.ts'
import type { Entry, Put, Revision } from '../engine/engine.ts'
import type { Actor } from './actor.ts'

export type AuditAction =
  | 'store-created'
  | 'store-changed'
  | 'store-access-changed'
  | 'store-signing-secret-reset'
  | 'store-cleared'
  | 'store-dropped'
  | 'store-expired'
  | 'project-made'
  | 'project-changed'
  | 'project-removed'
  | 'project-seed-changed'
  | 'page-key-rotated'
  | 'token-created'
  | 'token-revoked'
  | 'user-created'
  | 'user-changed'
  | 'clock-confirmed'

/**
 * One line of a user's audit trail: a change to the user's stores, tokens or settings, or (for
 * admins) to another user. Changes to records are in the store's change log.
 */
export interface AuditEvent {
  readonly revision: Revision
  readonly action: AuditAction
  /** What was changed: a store's name or id, a token's name, a username. */
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Undefined: the server itself. */
  readonly actor?: Actor | undefined
  readonly storeId?: string
  /** The revision that was replaced. */
  readonly before?: Revision | undefined
  /** The details of the change, as JSON, without secrets. */
  readonly details?: object
}

/** Goes into the same commit as the change that it reports. */
export function auditPut(userId: string, event: Omit<AuditEvent, 'revision'>): Put {
  return { key: auditKey(userId), value: Buffer.from(JSON.stringify(event)), stamped: true }
}

/** The users whose trails get an event: the user it is about, and the user who did it. */
export function trailsOf(userId: string, actor: Actor | undefined): readonly string[] {
  return actor && actor.userId !== userId ? [userId, actor.userId] : [userId]
}

export function decodeAuditEvent(entry: Entry): AuditEvent {
  const fields = JSON.parse(Buffer.from(entry.value).toString('utf8'))
  return { ...fields, revision: decodeNumber(entry.key, entry.key.length - 8) }
}
