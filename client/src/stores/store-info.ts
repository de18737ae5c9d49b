import { notUnderstood } from '../http/errors.ts'
import type { JsonValue } from '../json/json.ts'

/** Who may read a store besides its owner and those whom it is shared with. */
export type GeneralAccess =
  | 'FOLLOW_USER_SETTING'
  | 'RESTRICTED'
  | 'ANYONE_WITH_ID_CAN_READ'
  | 'ANYONE_WITH_NAME_CAN_READ'

/** Pages reach a project, NemesisDB's clients a session. */
export type StoreKind = 'store' | 'project' | 'session'

/** How long a store without a name is kept. */
export type Retention =
  | 'none'
  | 'default'
  | {
      readonly days: number
      readonly renewOnRead: boolean
      readonly renewOnWrite: boolean
      readonly onExpiry: 'drop' | 'clear'
    }

/** A store as the server describes it. Times are ISO 8601. */
export interface StoreInfo {
  readonly id: string
  readonly name: string | null
  readonly title: string | null
  readonly userId: string
  readonly username: string | null
  readonly createdAt: string
  readonly modifiedAt: string
  readonly accessedAt: string
  /** Null: it does not expire. */
  readonly expiresAt: string | null
  readonly recordCount: number
  readonly kind: StoreKind
  /** What the caller may do with the part that the token covers. */
  readonly access: 'read' | 'write' | 'manage'
  readonly generalAccess: GeneralAccess
  readonly retention: Retention
  /** Digits; for callers who may write, if the store is a session of NemesisDB's protocol. */
  readonly sessionToken?: string | number | bigint
  /** For callers who may write, if the store is an App Lab project. */
  readonly channelId?: string
  /** For callers who may write with a token that does not expire. */
  readonly urlSigningSecretKey?: string
  readonly stats: StoreStats
}

export interface StoreStats {
  readonly readCount: number
  readonly writeCount: number
  readonly deleteCount: number
  readonly listCount: number
  /** Bytes. */
  readonly storageBytes: number
}

/** Throws CoatcheckError `answer-not-understood` if it is no store. */
export function storeInfoOf(value: JsonValue | undefined): StoreInfo {
  if (isStoreInfo(value)) return value
  throw notUnderstood(200, 'The server sent something else than a store.')
}

/** Looks at what tells a store from anything else; for its other members the server answers. */
function isStoreInfo(value: unknown): value is StoreInfo {
  if (typeof value !== 'object' || value === null) return false
  const { id, name, stats }: { id?: unknown; name?: unknown; stats?: unknown } = value
  const hasName = name === null || typeof name === 'string'
  return typeof id === 'string' && hasName && typeof stats === 'object' && stats !== null
}
