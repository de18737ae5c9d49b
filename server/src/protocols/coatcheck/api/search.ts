import { requireAdmin, requireUserPrincipal } from '../../../core/access/access.ts'
import type { Principal } from '../../../core/access/principal.ts'
import type { StoreInfo } from '../../../core/identity/identity.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { jsonReply } from '../../rest/replies.ts'
import { type RestCall, turnOf } from '../../rest/routes.ts'

/**
 * GET /coatcheck/v1/search?q=: the caller's own and shared stores whose name or title contains `q`,
 * or whose id begins with it. `user=` searches the stores of another user, or of all users with
 * `*`; it works only on the server's own machine.
 */
export async function search(call: RestCall): Promise<HttpReply> {
  const { principal, domain, query } = call
  const { user, scope } = requireUserPrincipal(principal)
  await turnOf(call)
  const found = await domain.stores.search({
    userId: query.text('user') === undefined ? user.id : await otherUserId(call),
    onlyStoreId: scope.storeId,
    text: query.text('q') ?? '',
    limit: query.limit(),
  })
  const items = await Promise.all(found.items.map((info) => foundObject(call, info)))
  return jsonReply(200, { data: { items, count: items.length, isTruncated: found.isTruncated } })
}

/**
 * The id of the user in `?user=`; undefined for `*`. Throws `user-not-found`, and as
 * `requireOperator`.
 */
export async function otherUserId({
  principal,
  domain,
  query,
}: RestCall): Promise<string | undefined> {
  requireOperator(principal)
  const wanted = query.text('user') ?? ''
  return wanted === '*' ? undefined : (await domain.users.find(wanted)).id
}

/** Allows only the operator, on the server's machine. Throws `token-missing`, `account-denied`. */
export function requireOperator(principal: Principal): void {
  requireAdmin(principal)
  if (requireUserPrincipal(principal).isOperator) return
  const rule = 'are listed and created only on the server itself'
  throw new StorageError('account-denied', `Stores of other users ${rule}.`)
}

async function foundObject({ domain }: RestCall, info: StoreInfo): Promise<object> {
  const { id, name, title, ownerId, createdAt, modifiedAt, expiresAt } = info
  const owner = await domain.users.get(ownerId)
  return {
    id,
    name,
    title,
    userId: ownerId,
    username: owner?.username ?? null,
    createdAt: new Date(createdAt).toISOString(),
    modifiedAt: new Date(modifiedAt).toISOString(),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    recordCount: info.recordCount,
    storageBytes: info.storedBytes,
  }
}
