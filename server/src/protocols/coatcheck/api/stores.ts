import { isAllowed, requireUserPrincipal, rightOf } from '../../../core/access/access.ts'
import type { UserPrincipal } from '../../../core/access/principal.ts'
import type { StoreInfo } from '../../../core/identity/identity.ts'
import { kindOf, type RowPlace, rowOrders, storeKinds } from '../../../core/stores/store-rows.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { usernamesOf } from '../../rest/audit/usernames.ts'
import { RequestError } from '../../rest/errors.ts'
import { jsonReply } from '../../rest/replies.ts'
import { type RestCall, turnOf } from '../../rest/routes.ts'

/**
 * GET /coatcheck/v1/stores?q=&kind=&unnamed=&sort=&desc=&limit=&after=: the caller's own and shared
 * stores whose name or title contains `q`, or whose id begins with it.
 */
export async function listStores(call: RestCall): Promise<HttpReply> {
  const { principal, domain, query } = call
  const caller = requireUserPrincipal(principal)
  const asked = {
    userId: caller.user.id,
    onlyStoreId: caller.scope.storeId,
    text: query.text('q') ?? '',
    kind: query.oneOf('kind', storeKinds),
    includeUnnamed: query.flag('unnamed'),
    order: query.oneOf('sort', rowOrders) ?? 'modified',
    isDescending: query.flag('desc'),
    limit: query.limit(),
    after: placeOf(query.text('after')),
  } as const
  await turnOf(call)
  const { items, next, ...counts } = await domain.stores.listRows(asked)
  const names = await usernamesOf(
    call,
    items.map(({ ownerId }) => ownerId),
  )
  return jsonReply(200, {
    data: {
      items: items.map((info) => rowObject(info, caller, names)),
      count: items.length,
      ...counts,
      nextAfter: next ? cursorOf(next) : null,
    },
  })
}

function rowObject(
  info: StoreInfo,
  caller: UserPrincipal,
  names: ReadonlyMap<string, string>,
): object {
  const mayWrite = isAllowed(caller, { action: 'write' }, info, 'RESTRICTED')
  return {
    id: info.id,
    name: info.name,
    title: info.title,
    userId: info.ownerId,
    username: names.get(info.ownerId) ?? null,
    createdAt: isoTime(info.createdAt),
    modifiedAt: isoTime(info.modifiedAt),
    accessedAt: isoTime(info.accessedAt),
    expiresAt: info.expiresAt === undefined ? null : isoTime(info.expiresAt),
    recordCount: info.recordCount,
    storageBytes: info.storedBytes,
    kind: kindOf(info),
    access: rightOf(caller, info, 'some') ?? 'read',
    generalAccess: info.generalAccess,
    // A project's channel id lets pages in, so only those see it who may write.
    channelId: (mayWrite && info.project?.channelId) || null,
  }
}

function cursorOf({ value, id }: RowPlace): string {
  return Buffer.from(JSON.stringify([value, id])).toString('base64url')
}

/** Throws RequestError. */
function placeOf(cursor: string | undefined): RowPlace | undefined {
  if (cursor === undefined) return undefined
  const [value, id] = partsOf(cursor)
  const isPlace = typeof value === 'string' || typeof value === 'number'
  if (isPlace && typeof id === 'string') return { value, id }
  throw new RequestError(
    { status: 400, type: 'invalid-request' },
    'after must be the nextAfter of an earlier page',
  )
}

function partsOf(cursor: string): readonly unknown[] {
  try {
    const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(parts) ? parts : []
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return []
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
