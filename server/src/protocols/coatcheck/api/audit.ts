import type { HttpReply } from '../../../transport/exchange.ts'
import { auditQueryOf, auditReply } from '../../rest/audit/audit.ts'
import type { RestCall } from '../../rest/routes.ts'
import { userIdOf } from './users.ts'

/**
 * GET /coatcheck/v1/audit: what was done with the caller's stores, tokens and settings, newest
 * first. With `user=`, admins get the audit trail of another user.
 */
export async function getAudit(call: RestCall): Promise<HttpReply> {
  const userId = await userIdOf(call, call.query.text('user'))
  return auditReply(call, await call.domain.auditLog.read(userId, auditQueryOf(call)))
}
