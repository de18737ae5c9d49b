import {
  actorOf,
  requireAccount,
  requireAdmin,
  requireLasting,
} from '../../../core/access/access.ts'
import { fullScope } from '../../../core/people/scope.ts'
import type { UserChanges } from '../../../core/people/users.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { Fields } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { jsonReply } from '../../rest/replies.ts'
import type { RestCall } from '../../rest/routes.ts'
import { withinOwn } from './lifetime.ts'
import { tokenObject, userObject } from './wire.ts'

/** GET /coatcheck/v1/users, for admins. */
export async function listUsers({ principal, domain }: RestCall): Promise<HttpReply> {
  requireAdmin(principal)
  const items = (await domain.users.list()).map(userObject)
  return jsonReply(200, { data: { items, count: items.length } })
}

/**
 * POST /coatcheck/v1/users `{"username", "isAdmin"}`, for admins. The reply contains the user's
 * first token, which is never shown again. It expires with the token that makes the user. A token
 * that expires makes no admin.
 */
export async function createUser(call: RestCall): Promise<HttpReply> {
  const { principal, domain } = call
  requireAdmin(principal)
  const body = await readJsonObject(call, { isOptional: false })
  const fields = new Fields(body, ['username', 'isAdmin'])
  const actor = actorOf(principal, 'coatcheck')
  const isAdmin = fields.flag('isAdmin') ?? false
  if (isAdmin) requireLasting(principal)
  const user = await domain.users.create(fields.requiredText('username'), { isAdmin }, actor)
  const name = 'first token'
  const wanted = { userId: user.id, name, ...withinOwn(undefined, principal), scope: fullScope }
  const { text, token } = await domain.tokens.create(wanted, actor)
  return jsonReply(201, {
    data: { ...userObject(user), token: { ...tokenObject(token), token: text } },
  })
}

/** GET /coatcheck/v1/users/{idOrUsername}, for admins. */
export async function getUser({ principal, domain, subject }: RestCall): Promise<HttpReply> {
  requireAdmin(principal)
  return jsonReply(200, { data: userObject(await domain.users.find(subject)) })
}

/**
 * PATCH /coatcheck/v1/users/{idOrUsername} `{"isAdmin", "isDisabled"}`, for admins. All tokens of a
 * disabled user are invalid. Requests that are under way with them end within a second, and so do
 * links signed with secrets that they were shown.
 */
export async function patchUser(call: RestCall): Promise<HttpReply> {
  const { principal, domain, subject } = call
  requireAdmin(principal)
  const body = await readJsonObject(call, { isOptional: false })
  const fields = new Fields(body, ['isAdmin', 'isDisabled'])
  const user = await domain.users.find(subject)
  const changes = changesOf(fields)
  if (Object.keys(changes).length === 0) return jsonReply(200, { data: userObject(user) })
  if (changes.isAdmin === true || changes.isDisabled === false) requireLasting(principal)
  const actor = actorOf(principal, 'coatcheck')
  const patched = await domain.revocations.updateUser(user.id, changes, actor)
  return jsonReply(200, { data: userObject(patched) })
}

/** The id of the account that is meant: the caller's own, or (only for admins) `wanted`. */
export async function userIdOf({ principal, domain }: RestCall, wanted?: string): Promise<string> {
  const user = requireAccount(principal, 'manage')
  if (wanted === undefined || wanted === user.id || wanted === user.username) return user.id
  requireAdmin(principal)
  return (await domain.users.find(wanted)).id
}

function changesOf(fields: Fields): UserChanges {
  const isAdmin = fields.flag('isAdmin')
  const isDisabled = fields.flag('isDisabled')
  return {
    ...(isAdmin !== undefined && { isAdmin }),
    ...(isDisabled !== undefined && { isDisabled }),
  }
}
