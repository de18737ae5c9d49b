import { StorageError } from '../kernel/errors.ts'

/** What a caller may do with a store. Each action includes those before it. */
export type Action = 'read' | 'write' | 'manage'

export const actions: readonly Action[] = ['read', 'write', 'manage']

/** Whether the right to `granted` includes the right to `wanted`. */
export function includes(granted: Action | undefined, wanted: Action): boolean {
  return granted !== undefined && actions.indexOf(granted) >= actions.indexOf(wanted)
}

/** The smaller of two rights; undefined: none. */
export function lesser(one: Action | undefined, other: Action | undefined): Action | undefined {
  if (one === undefined || other === undefined) return undefined
  return includes(one, other) ? other : one
}

/** What a token allows. It never allows more than its user may do. */
export interface Scope {
  readonly action: Action
  /** Undefined: all stores. */
  readonly storeId: string | undefined
  /** Only the records of that store whose keys begin with this; undefined: all. */
  readonly keyPrefix: string | undefined
}

export const fullScope: Scope = { action: 'manage', storeId: undefined, keyPrefix: undefined }

/** The refusal of a token that expires, to give a right that would stay. */
export function lastingDenied(): StorageError {
  const rule = 'A token that expires can not give rights that stay'
  return new StorageError('account-denied', `${rule}: use a token that does not expire.`)
}

/** Which part of a store a use needs: all of it, one record, or the part that the scope covers. */
export type Extent = 'all' | 'some' | { readonly key: string }

/** Whether the scope covers that part of the store, for any action. */
export function covers({ storeId, keyPrefix }: Scope, id: string, extent: Extent): boolean {
  if (storeId !== undefined && storeId !== id) return false
  if (keyPrefix === undefined || extent === 'some') return true
  return extent !== 'all' && extent.key.startsWith(keyPrefix)
}

/** The prefix of all keys that begin with both; undefined: no key can. */
export function narrowedPrefix(prefix: string, keyPrefix: string | undefined): string | undefined {
  if (keyPrefix === undefined || prefix.startsWith(keyPrefix)) return prefix
  return keyPrefix.startsWith(prefix) ? keyPrefix : undefined
}

/** Who may read a user's stores that follow the user's setting (Apify's account setting). */
export type UserAccess = 'RESTRICTED' | 'ANYONE_WITH_ID_CAN_READ'

export const userAccessLevels: readonly UserAccess[] = ['RESTRICTED', 'ANYONE_WITH_ID_CAN_READ']
