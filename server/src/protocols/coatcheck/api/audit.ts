import type { HttpReply } from '../../../transport/exchange.ts'
import { auditQueryOf, auditReply } from '../../rest/audit.ts'
import type { RestCall } from '../../rest/routes.ts'
import { userIdOf } from './users.ts'

/**
 * GET /coatcheck/v1/audit: what was done with one's stores, tokens and settings, the newest first;
 * `user=`, for admins: another user's.
 */
export async function getAudit(call: RestCall): Promise<HttpReply> {
  const userId = await userIdOf(call, call.query.text('user'))
  return auditReply(call, await call.domain.auditLog.read(userId, auditQueryOf(call)))
}
