import {
  nameKey,
  ownedKeys,
  ownedProjectKey,
  ownerCounterKey,
  projectKey,
  seedKey,
  sessionKey,
  sharedKey,
} from '../disk/keyspace.ts'
import type { Put, WriteParts } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { StoreIdentity } from './identity.ts'

/**
 * Updates the index of names for a new name: frees the old name, and takes the new one if no other
 * store has it.
 */
export function refiled(before: StoreIdentity, next: StoreIdentity): Required<WriteParts> {
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

/**
 * Updates the indexes of sessions and projects: frees old addresses, and takes new ones if no other
 * store has them.
 */
export function readdressed(
  before: StoreIdentity,
  next: StoreIdentity,
): Required<Omit<WriteParts, 'sums'>> {
  const old = addressKeys(before)
  const taken = addressKeys(next)
  const given = taken.filter((key) => !old.some((one) => one.equals(key)))
  const filed = next.project && !before.project ? [emptyPut(ownedProjectKey(next))] : []
  return {
    checks: given.map((key) => ({ key, revision: undefined })),
    deletes: [
      ...old.filter((key) => !taken.some((one) => one.equals(key))),
      ...(before.project && !next.project ? [ownedProjectKey(before)] : []),
    ],
    puts: [...given.map((key) => ({ key, value: Buffer.from(next.id, 'latin1') })), ...filed],
  }
}

/**
 * The index keys of the store's addresses other than its id and name: its session token and its
 * channel id.
 */
export function addressKeys({ ownerId, session, project }: StoreIdentity): readonly Buffer[] {
  return [
    ...(session ? [sessionKey(ownerId, BigInt(session.token))] : []),
    ...(project ? [projectKey(project.channelId)] : []),
  ]
}

/** Writes the new seed of a project, or removes the seed of a store that no longer has one. */
export function reseeded(
  { id, project: before }: StoreIdentity,
  { next, seed }: { next: StoreIdentity; seed: Bytes | null | undefined },
): Required<Pick<WriteParts, 'deletes' | 'puts'>> {
  const isOver = before?.hasSeed === true && next.project?.hasSeed !== true
  const isGiven = next.project?.hasSeed === true && seed
  return {
    deletes: isOver ? [seedKey(id)] : [],
    puts: isGiven ? [{ key: seedKey(id), value: seed }] : [],
  }
}

/** Updates the index of stores that are shared with a user. */
export function reshared(
  { shares: before }: StoreIdentity,
  { id, shares }: StoreIdentity,
): Required<Pick<WriteParts, 'deletes' | 'puts'>> {
  const taken = Object.keys(before).filter((userId) => !Object.hasOwn(shares, userId))
  const given = Object.keys(shares).filter((userId) => !Object.hasOwn(before, userId))
  return {
    deletes: taken.map((userId) => sharedKey(userId, id)),
    puts: given.map((userId) => emptyPut(sharedKey(userId, id))),
  }
}
