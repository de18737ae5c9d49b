import { requireAccount } from '../../../core/access/access.ts'
import type { StoreInfo } from '../../../core/identity/identity.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { emptyReply, jsonReply } from '../../rest/replies.ts'
import { type RestCall, turnOf } from '../../rest/routes.ts'

const secondMs = 1_000

/** GET /coatcheck/v1/sessions: the caller's stores that have a token for NemesisDB's clients. */
export async function listSessions(call: RestCall): Promise<HttpReply> {
  const { id } = requireAccount(call.principal, 'write')
  const limit = call.query.limit()
  if (limit > limits.quickListItemsMax) await turnOf(call)
  const items: object[] = []
  let isTruncated = false
  for await (const info of call.domain.sessions.list(id)) {
    isTruncated = items.length === limit
    if (isTruncated) break
    items.push(sessionObject(call, info))
  }
  return jsonReply(200, { data: { items, count: items.length, isTruncated } })
}

/**
 * DELETE /coatcheck/v1/sessions/{storeId}: removes the session token. As with SH_END, the store is
 * deleted too, unless it has a name or is a project.
 */
export async function endSession({ principal, domain, subject: id }: RestCall): Promise<HttpReply> {
  const use = { action: 'manage', extent: 'all' } as const
  const caller = domain.access.callerFor(principal, 'coatcheck', use)
  await domain.sessions.end(await domain.stores.find(id, caller), caller)
  return emptyReply(204)
}

function sessionObject({ domain }: RestCall, info: StoreInfo): object {
  const { id, name, title, session, expiresAt, recordCount } = info
  const left = expiresAt === undefined ? undefined : expiresAt - domain.clock.steady()
  return {
    storeId: id,
    name,
    title,
    token: session?.token ?? null,
    isShared: session?.isShared === true,
    recordCount,
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    secondsLeft: left === undefined ? null : Math.max(0, Math.trunc(left / secondMs)),
  }
}
