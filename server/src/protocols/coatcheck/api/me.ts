import {
  actorOf,
  requireAccount,
  requireLasting,
  requireUserPrincipal,
} from '../../../core/access/access.ts'
import { userAccessLevels } from '../../../core/people/scope.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { Fields } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { jsonReply } from '../../rest/replies.ts'
import type { RestCall } from '../../rest/routes.ts'
import { meObject, userObject } from './wire.ts'

/** GET /coatcheck/v1/me: the caller, and the scope of their token. */
export async function getMe({ principal }: RestCall): Promise<HttpReply> {
  return jsonReply(200, { data: meObject(requireUserPrincipal(principal)) })
}

/** PATCH /coatcheck/v1/me `{"generalAccess"}`: who may read the stores that follow this setting. */
export async function patchMe(call: RestCall): Promise<HttpReply> {
  const { principal, domain } = call
  const user = requireAccount(principal, 'manage')
  const fields = new Fields(await readJsonObject(call, { isOptional: false }), ['generalAccess'])
  const generalAccess = fields.oneOf('generalAccess', userAccessLevels)
  if (generalAccess === undefined) return jsonReply(200, { data: userObject(user) })
  if (generalAccess !== 'RESTRICTED') requireLasting(principal)
  const actor = actorOf(principal, 'coatcheck')
  const patched = await domain.users.update(user.id, { generalAccess }, actor)
  domain.access.forget()
  return jsonReply(200, { data: userObject(patched) })
}
