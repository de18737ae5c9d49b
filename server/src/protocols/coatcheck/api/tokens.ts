import { actorOf, requireAccount } from '../../../core/access/access.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { actions } from '../../../core/people/scope.ts'
import type { ListedToken } from '../../../core/people/tokens.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { Fields, invalidField } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { emptyReply, jsonReply } from '../../rest/replies.ts'
import type { RestCall } from '../../rest/routes.ts'
import { withinOwn } from './lifetime.ts'
import { userIdOf } from './users.ts'
import { tokenObject } from './wire.ts'

const dayMs = 86_400_000
const tokenFields = [
  'name',
  'action',
  'storeId',
  'keyPrefix',
  'expiresInDays',
  'expiresAt',
  'user',
] as const

/** GET /coatcheck/v1/tokens: the caller's own tokens, or (only for admins) those of `?user=`. */
export async function listTokens(call: RestCall): Promise<HttpReply> {
  const userId = await userIdOf(call, call.query.text('user'))
  const items = (await call.domain.tokens.list(userId)).map(tokenObject)
  return jsonReply(200, { data: { items, count: items.length } })
}

/**
 * POST /coatcheck/v1/tokens `{"name", "action", "storeId", "keyPrefix", "expiresInDays" or
 * "expiresAt", "user"}`: the reply contains the token's text, which is never shown again.
 */
export async function createToken(call: RestCall): Promise<HttpReply> {
  const { principal, domain } = call
  requireAccount(principal, 'manage')
  const fields = new Fields(await readJsonObject(call, { isOptional: true }), tokenFields)
  const userId = await userIdOf(call, fields.text('user'))
  const { text, token } = await domain.tokens.create(
    {
      userId,
      name: fields.text('name') ?? '',
      ...withinOwn(expiryOf(fields, domain.clock.now()), principal),
      scope: {
        action: fields.oneOf('action', actions) ?? 'manage',
        storeId: fields.text('storeId'),
        keyPrefix: fields.text('keyPrefix'),
      },
    },
    actorOf(principal, 'coatcheck'),
  )
  return jsonReply(201, { data: { ...tokenObject(token), token: text } })
}

/** GET /coatcheck/v1/tokens/{id} */
export async function getToken(call: RestCall): Promise<HttpReply> {
  return jsonReply(200, { data: tokenObject(await findToken(call)) })
}

/**
 * DELETE /coatcheck/v1/tokens/{id}: the token becomes invalid at once. Requests that are under way
 * with it end within a second, and so do links signed with secrets that it was shown.
 */
export async function revokeToken(call: RestCall): Promise<HttpReply> {
  const { domain, principal } = call
  const { id } = await findToken(call)
  await domain.revocations.revokeToken(id, actorOf(principal, 'coatcheck'))
  return emptyReply(204)
}

/** Only admins can find the tokens of other users. */
async function findToken({ principal, domain, subject: id }: RestCall): Promise<ListedToken> {
  const user = requireAccount(principal, 'manage')
  const token = await domain.tokens.get(id)
  if (token.userId === user.id || user.isAdmin) return token
  throw new StorageError('token-not-found', `There is no token ${id.slice(0, 40)}.`)
}

function expiryOf(fields: Fields, now: number): number | undefined {
  const days = fields.amount('expiresInDays')
  const text = fields.text('expiresAt')
  if (days !== undefined && text !== undefined) {
    throw invalidField('use either expiresInDays or expiresAt, not both')
  }
  if (days !== undefined) return now + days * dayMs
  if (text === undefined) return undefined
  const time = Date.parse(text)
  if (!Number.isNaN(time)) return time
  throw invalidField('expiresAt must be a time such as 2027-01-31T00:00:00Z')
}
