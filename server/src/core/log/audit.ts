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
  | 'project-made'
  | 'project-changed'
  | 'project-removed'
  | 'project-seed-changed'
  | 'page-key-rotated'
  | 'token-created'
  | 'token-revoked'
  | 'user-created'
  | 'user-changed'

/**
 * One line of a user's audit trail: what was done with the user's stores, tokens and settings, and
 * (for admins) to other users. What was done to records stands in the store's change log.
 */
export interface AuditEvent {
  readonly revision: Revision
  readonly action: AuditAction
  /** What it was done to, in words: a store's name or id, a token's name, a username. */
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Undefined: the server itself. */
  readonly actor?: Actor | undefined
  readonly storeId?: string
  /** The revision of what was replaced. */
  readonly before?: Revision | undefined
  /** What changed: JSON, and nothing secret. */
  readonly details?: object
}

/** Goes into the commit of what it tells of. */
export function auditPut(userId: string, event: Omit<AuditEvent, 'revision'>): Put {
  return { key: auditKey(userId), value: Buffer.from(JSON.stringify(event)), stamped: true }
}

/** Both the user whom it is about and who did it are told. */
export function trailsOf(userId: string, actor: Actor | undefined): readonly string[] {
  return actor && actor.userId !== userId ? [userId, actor.userId] : [userId]
}

export function decodeAuditEvent(entry: Entry): AuditEvent {
  const fields = JSON.parse(Buffer.from(entry.value).toString('utf8'))
  return { ...fields, revision: decodeNumber(entry.key, entry.key.length - 8) }
}
