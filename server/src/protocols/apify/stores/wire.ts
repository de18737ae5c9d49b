import type { GeneralAccess, StoreInfo } from '../../../core/identity/identity.ts'
import type { OwnRetention } from '../../../core/identity/retention.ts'
import type { User } from '../../../core/people/users.ts'
import { contentUrls } from '../call/links.ts'

/** All schemas of a page of stores, as JSON; behind them they are left out. */
export const pageSchemaBytesMax = 4 * 1_048_576

/** A store's retention is told and asked for in days, parts of a day allowed. */
export const dayMs = 86_400_000

export const generalAccessLevels: readonly GeneralAccess[] = [
  'FOLLOW_USER_SETTING',
  'RESTRICTED',
  'ANYONE_WITH_ID_CAN_READ',
  'ANYONE_WITH_NAME_CAN_READ',
]

/** To whom a store is shown, and when. */
export interface StoreView {
  readonly owner: User | undefined
  readonly baseUrl: string
  readonly mayWrite: boolean
  /** null: there is none. Undefined: it is left out. */
  readonly schema: unknown
  /** Milliseconds since 1970: when its links begin to hold. */
  readonly now: number
}

/** Apify's store object. The signing secret is for those who may write. */
export function storeObject(
  info: StoreInfo,
  { owner, baseUrl, mayWrite, schema, now }: StoreView,
): Record<string, unknown> {
  const ownerAccess = owner?.generalAccess ?? 'RESTRICTED'
  return {
    id: info.id,
    name: info.name,
    title: info.title,
    userId: info.ownerId,
    username: owner?.username ?? null,
    createdAt: isoTime(info.createdAt),
    modifiedAt: isoTime(info.modifiedAt),
    accessedAt: isoTime(info.accessedAt),
    actId: null,
    actRunId: null,
    ...(schema !== undefined && { schema }),
    generalAccess: info.generalAccess,
    // Ours: Apify's clients pass on what they do not know.
    retention: retentionObject(info.retention),
    expiresAt: info.expiresAt === undefined ? null : isoTime(info.expiresAt),
    ...(mayWrite && { urlSigningSecretKey: info.signingSecret }),
    // Whoever has it may come without an API token on loopback.
    ...(mayWrite && info.session && { sessionToken: info.session.token }),
    ...(mayWrite && info.project && { channelId: info.project.channelId }),
    consoleUrl: `${baseUrl}/#/key-value-stores/${info.id}`,
    ...contentUrls(info, { baseUrl, maySign: mayWrite, ownerAccess, now }),
    stats: {
      readCount: info.readCount,
      writeCount: info.writeCount,
      deleteCount: info.deleteCount,
      listCount: info.listCount,
      // Absent at 0, which makes `apify kvs ls` fail for the whole list.
      ...(info.storedBytes > 0 && { s3StorageBytes: info.storedBytes }),
      storageBytes: info.storedBytes,
    },
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** `none`, `default` (what the server gives to unnamed stores), or the parts of the store's own. */
function retentionObject(retention: OwnRetention): string | Readonly<Record<string, unknown>> {
  if (typeof retention === 'string') return retention
  const { ttlMs, ...rules } = retention
  return { days: ttlMs / dayMs, ...rules }
}
