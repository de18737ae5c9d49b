import type { AtomicWrite, Bytes, Put } from './engine.ts'
import type { StoreIdentity } from './identity.ts'
import { nameKey, ownedKeys, ownerCounterKey, sessionKey, sharedKey } from './keyspace.ts'

/**
 * What a new name changes in the files of names: the old one free, the new one taken, nobody
 * else's.
 */
export function refiled(before: StoreIdentity, next: StoreIdentity): Required<AtomicWrite> {
  const { ownerId, id } = before
  const unchanged = { checks: [], deletes: [], puts: [], sums: [] }
  if (before.name === next.name) return unchanged
  const old = before.name === null ? [] : [nameKey(ownerId, before.name)]
  const taken = next.name === null ? [] : [nameKey(ownerId, next.name)]
  const filed = ownedKeys(before, { named: true })
  const delta = BigInt(Number(next.name !== null) - Number(before.name !== null))
  return {
    checks: taken.map((key) => ({ key, revision: undefined })),
    deletes: [...old, ...(delta < 0n ? filed : [])],
    puts: [
      ...taken.map((key) => ({ key, value: Buffer.from(id, 'latin1') })),
      ...(delta > 0n ? filed.map(emptyPut) : []),
    ],
    sums: delta === 0n ? [] : [{ key: ownerCounterKey(ownerId, 'named'), delta }],
  }
}

export function emptyPut(key: Bytes): Put {
  return { key, value: Buffer.alloc(0) }
}

/** In the file of sessions: the old token free, the new one taken, nobody else's. */
export function readdressed(
  { session: before }: StoreIdentity,
  { id, ownerId, session: next }: StoreIdentity,
): Required<Omit<AtomicWrite, 'sums'>> {
  if (before?.token === next?.token) return { checks: [], deletes: [], puts: [] }
  const old = before ? [sessionKey(ownerId, BigInt(before.token))] : []
  const taken = next ? [sessionKey(ownerId, BigInt(next.token))] : []
  return {
    checks: taken.map((key) => ({ key, revision: undefined })),
    deletes: old,
    puts: taken.map((key) => ({ key, value: Buffer.from(id, 'latin1') })),
  }
}

/** In the files of stores that are shared with somebody. */
export function reshared(
  { shares: before }: StoreIdentity,
  { id, shares }: StoreIdentity,
): Required<Pick<AtomicWrite, 'deletes' | 'puts'>> {
  const taken = Object.keys(before).filter((userId) => !Object.hasOwn(shares, userId))
  const given = Object.keys(shares).filter((userId) => !Object.hasOwn(before, userId))
  return {
    deletes: taken.map((userId) => sharedKey(userId, id)),
    puts: given.map((userId) => emptyPut(sharedKey(userId, id))),
  }
}
