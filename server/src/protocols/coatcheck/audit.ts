import { requireAccount, requireAdmin } from '../../core/access.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { auditQueryOf, auditReply } from '../rest/audit.ts'
import type { RestCall } from '../rest/routes.ts'

/**
 * GET /coatcheck/v1/audit: what was done with one's stores, tokens and settings, the newest first;
 * `user=`, for admins: another user's.
 */
export async function getAudit(call: RestCall): Promise<HttpReply> {
  const { principal, domain, query } = call
  const user = requireAccount(principal, 'manage')
  const wanted = query.text('user')
  if (wanted !== undefined) requireAdmin(principal)
  const { id } = wanted === undefined ? user : await domain.users.find(wanted)
  return auditReply(call, await domain.auditLog.read(id, auditQueryOf(call)))
}
