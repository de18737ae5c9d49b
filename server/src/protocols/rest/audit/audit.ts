import type { StoreEvent } from '../../../core/history/audit-log.ts'
import type { NewestQuery } from '../../../core/history/newest-first.ts'
import type { AuditEvent } from '../../../core/log/audit.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { jsonReply } from '../replies.ts'
import type { RestCall } from '../routes.ts'
import { usernamesOf } from './usernames.ts'

/** The part of an audit trail that a query wants: at most `limit` events `before` a revision. */
export function auditQueryOf({ query }: RestCall): NewestQuery {
  return { before: query.count('before'), limit: query.limit() }
}

/** A page of an audit trail, newest first. `nextBefore` is the next page's `before`, or null. */
export async function auditReply(
  call: RestCall,
  { events, more }: { events: readonly (AuditEvent | StoreEvent)[]; more: boolean },
): Promise<HttpReply> {
  const names = await usernamesOf(
    call,
    events.flatMap(({ actor }) => (actor ? [actor.userId] : [])),
  )
  const items = events.map(({ actor, at, revision, before, ...event }) => ({
    revision,
    revisionBefore: before ?? null,
    at: new Date(at).toISOString(),
    ...event,
    userId: actor?.userId || null,
    username: names.get(actor?.userId ?? '') ?? null,
    tokenId: actor?.tokenId || null,
    door: actor?.door ?? null,
  }))
  const nextBefore = more ? (events.at(-1)?.revision ?? null) : null
  return jsonReply(200, { data: { items, count: items.length, nextBefore } })
}
