import type { StoreChanges } from '../../../core/identity/store-changes.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { type Action, actions } from '../../../core/people/scope.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { auditQueryOf, auditReply } from '../../rest/audit/audit.ts'
import { Fields, invalidField } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { jsonReply } from '../../rest/replies.ts'
import { callerOf, findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { describe, managing, updated } from './stores.ts'
import { generalAccessLevels } from './wire.ts'

/** GET /v2/key-value-stores/{store}/access: who may do what with the store. */
export async function getAccess(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, managing)
  return jsonReply(200, { data: await accessObject(call, store) })
}

/**
 * PATCH /v2/key-value-stores/{store}/access `{"generalAccess", "shares": {"jane": "write", "joe":
 * null}}`: null removes a user's share. Users who are not named keep theirs.
 */
export async function patchAccess(call: ApifyCall): Promise<HttpReply> {
  // Checked before the body: a caller without rights must not learn what it should contain.
  const reading = { action: 'read', extent: 'all' } as const
  const seen = await findStore(call, { ...reading, action: isUser(call) ? 'read' : 'manage' })
  const body = await readJsonObject(call, { isOptional: false })
  const isLeaving = leavesAlone(call, body)
  const wanted = isLeaving ? reading : managing
  const store = isLeaving ? seen : await findStore(call, managing)
  const changes = await changesOf(call, new Fields(body, ['generalAccess', 'shares']))
  const isUnchanged = Object.keys(changes).length === 0
  if (!isUnchanged) await call.domain.stores.update(store.id, changes, callerOf(call, wanted, 'id'))
  // Found without a caller, because users who removed their own share get a reply too.
  const described = await call.domain.stores.find(store.id)
  return jsonReply(200, { data: await accessObject(call, described) })
}

function isUser({ principal }: ApifyCall): boolean {
  return principal.kind === 'user'
}

/** Whether the request only removes the caller's own share, which needs no right to manage. */
function leavesAlone(
  { principal }: ApifyCall,
  { generalAccess, shares }: Readonly<Record<string, unknown>>,
): boolean {
  if (principal.kind !== 'user' || generalAccess !== undefined) return false
  if (typeof shares !== 'object' || shares === null) return false
  const { id, username } = principal.user
  const [only, ...others] = Object.entries(shares)
  if (!only || others.length > 0 || only[1] !== null) return false
  return only[0] === id || only[0].toLowerCase() === username.toLowerCase()
}

/** POST /v2/key-value-stores/{store}/signing-secret: all links signed so far stop working. */
export async function resetSigningSecret(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, managing)
  const reset = await updated(call, store, { resetsSigningSecret: true })
  return jsonReply(200, { data: await describe(call, reset) })
}

/** GET /v2/key-value-stores/{store}/audit: what was done with the store, newest first. */
export async function getStoreAudit(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, managing)
  return auditReply(call, await call.domain.auditLog.readStore(store, auditQueryOf(call)))
}

async function changesOf(call: ApifyCall, fields: Fields): Promise<StoreChanges> {
  const generalAccess = fields.oneOf('generalAccess', generalAccessLevels)
  const wanted = fields.object('shares')
  // Each name costs a look-up, so their number has the limit of the shares of a store.
  if (wanted && wanted.size > limits.sharesPerStoreMax) {
    throw invalidField(`shares may have at most ${limits.sharesPerStoreMax} users in one request`)
  }
  const shares: Record<string, Action | null> = {}
  for (const [user, value] of wanted ?? []) {
    const { id } = await call.domain.users.find(user)
    shares[id] = actionOf(user, value)
  }
  return { ...(generalAccess && { generalAccess }), ...(wanted && { shares }) }
}

function actionOf(user: string, value: unknown): Action | null {
  const action = actions.find((one) => one === value)
  if (action !== undefined || value === null) return action ?? null
  throw invalidField(`shares.${user} must be null or one of ${actions.join(', ')}`)
}

async function accessObject({ domain }: ApifyCall, store: Store): Promise<object> {
  const { id, ownerId, generalAccess, shares } = await store.identity()
  const owner = await domain.users.get(ownerId)
  const users = await Promise.all(Object.keys(shares).map((userId) => domain.users.get(userId)))
  return {
    storeId: id,
    owner: { userId: ownerId, username: owner?.username ?? null },
    generalAccess,
    // `FOLLOW_USER_SETTING` is replaced by the owner's setting.
    effectiveAccess:
      generalAccess === 'FOLLOW_USER_SETTING' ? (owner?.generalAccess ?? null) : generalAccess,
    shares: users.flatMap((user) =>
      user ? [{ userId: user.id, username: user.username, action: shares[user.id] }] : [],
    ),
  }
}
