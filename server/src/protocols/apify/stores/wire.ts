import type { GeneralAccess, StoreInfo } from '../../../core/identity/identity.ts'
import type { OwnRetention } from '../../../core/identity/retention.ts'
import type { Action } from '../../../core/people/scope.ts'
import type { User } from '../../../core/people/users.ts'
import { kindOf } from '../../../core/stores/store-rows.ts'
import { contentUrls } from '../call/links.ts'

/** The limit for all schemas on a page of stores, as JSON. Schemas beyond it are left out. */
export const pageSchemaBytesMax = 4 * 1_048_576

/** Collections of a schema that the error for an unknown collection names. */
export const namedCollectionsMax = 10

/** A value of up to this size is decoded as a whole before its entry in an archive begins. */
export const previewBytesMax = 1_048_576

/** Problems that an archive lists in its last file. */
export const reportedProblemsMax = 1_000

/** Requests and replies give a store's retention in days. Fractions of a day are allowed. */
export const dayMs = 86_400_000

export const generalAccessLevels: readonly GeneralAccess[] = [
  'FOLLOW_USER_SETTING',
  'RESTRICTED',
  'ANYONE_WITH_ID_CAN_READ',
  'ANYONE_WITH_NAME_CAN_READ',
]

/** What a store object depends on besides the store: its reader and the time. */
export interface StoreView {
  readonly owner: User | undefined
  readonly baseUrl: string
  /** Whether its reader may write to all of it. */
  readonly mayWrite: boolean
  /** What its reader may do with the part that the reader's token covers. */
  readonly access: Action
  readonly maySign: boolean
  /** null: the store has no schema. Undefined: the store object leaves the schema out. */
  readonly schema: unknown
  /** Milliseconds since 1970: the lifetime of the object's links begins now. */
  readonly now: number
}

/**
 * Apify's store object. Only readers who may also write get the session token and the channel id,
 * and only those who may sign get the signing secret and signed links.
 */
export function storeObject(
  info: StoreInfo,
  { owner, baseUrl, mayWrite, access, maySign, schema, now }: StoreView,
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
    // Coatcheck's own members. Apify's clients pass on members that they do not know.
    recordCount: info.recordCount,
    kind: kindOf(info),
    access,
    retention: retentionObject(info.retention),
    expiresAt: info.expiresAt === undefined ? null : isoTime(info.expiresAt),
    ...(maySign && { urlSigningSecretKey: info.signingSecret }),
    // A secret, because on loopback it opens the store without an API token.
    ...(mayWrite && info.session && { sessionToken: info.session.token }),
    ...(mayWrite && info.project && { channelId: info.project.channelId }),
    consoleUrl: `${baseUrl}/#/key-value-stores/${info.id}`,
    ...contentUrls(info, { baseUrl, maySign, ownerAccess, now }),
    stats: {
      readCount: info.readCount,
      writeCount: info.writeCount,
      deleteCount: info.deleteCount,
      listCount: info.listCount,
      // Left out if it is 0, because a 0 makes `apify kvs ls` fail for the whole list.
      ...(info.storedBytes > 0 && { s3StorageBytes: info.storedBytes }),
      storageBytes: info.storedBytes,
    },
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** `none`, `default` (the server's retention for unnamed stores), or the store's own retention. */
function retentionObject(retention: OwnRetention): string | Readonly<Record<string, unknown>> {
  if (typeof retention === 'string') return retention
  const { ttlMs, ...rules } = retention
  return { days: ttlMs / dayMs, ...rules }
}
