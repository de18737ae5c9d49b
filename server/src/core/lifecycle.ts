import { type Activities, moveExpiry } from './activities.ts'
import { decodeActivity } from './activity.ts'
import { type AuditAction, auditPut } from './audit.ts'
import { type Caller, system } from './caller.ts'
import { type ChangeKind, changePut } from './change.ts'
import { totalOf } from './counter.ts'
import type { AtomicWrite, Entry, Put, StorageEngine } from './engine.ts'
import type { Environment } from './environment.ts'
import { keptUntil, markGarbage } from './garbage.ts'
import { encodeIdentity, type IdentityCache, type StoreIdentity } from './identity.ts'
import {
  activityKey,
  counterKey,
  expiryKey,
  innerIdBytes,
  nameKey,
  ownedKeys,
  ownerCounterKey,
  schemaKey,
  sharedKey,
  storeKey,
  userKey,
} from './keyspace.ts'
import { limits } from './limits.ts'
import { endsByClearing } from './retention.ts'
import { accessOf, storeBusy, storeNotFound } from './store-reader.ts'

interface Found {
  readonly identity: StoreIdentity
  readonly store: Entry
  readonly activity: Entry
  /** Stored bytes of all records, as the counter says. */
  readonly bytes: number
  /** The counter of records. */
  readonly records: Entry | undefined
}

/**
 * How stores end and are cleared: one small commit that swaps or removes the content id and leaves
 * a garbage mark; the sweeper removes the records behind it.
 */
export class Lifecycle {
  readonly #engine: StorageEngine
  readonly #environment: Environment
  readonly #identities: IdentityCache
  readonly #activities: Activities

  constructor(parts: {
    engine: StorageEngine
    environment: Environment
    identities: IdentityCache
    activities: Activities
  }) {
    this.#engine = parts.engine
    this.#environment = parts.environment
    this.#identities = parts.identities
    this.#activities = parts.activities
  }

  /** Throws `store-not-found`, `store-busy` and what the caller throws. */
  async drop(storeId: string, caller: Caller = system): Promise<void> {
    await this.#write(storeId, async (found) => {
      await this.#assertAllowed(caller, found)
      return this.#dropWrite(found, { kind: 'drop', caller })
    })
  }

  /** Throws `store-not-found`, `store-busy` and what the caller throws. */
  async clear(storeId: string, caller: Caller = system): Promise<void> {
    await this.#write(storeId, async (found) => {
      await this.#assertAllowed(caller, found)
      const { identity, activity } = found
      const isOver = await this.#activities.isExpired(identity, activity)
      if (isOver && !endsByClearing(identity)) throw storeNotFound(storeId)
      return this.#clearWrite(found, { kind: 'clear', caller })
    })
  }

  /** Ends or clears the store if its time is over, which is decided anew in each attempt. */
  async expire(storeId: string): Promise<void> {
    await this.#write(storeId, async (found) => {
      const { identity, activity } = found
      if (!(await this.#activities.isExpired(identity, activity))) return undefined
      if (!endsByClearing(identity))
        return this.#dropWrite(found, { kind: 'expire', caller: system })
      if (isEmpty(found)) return this.#rearmWrite(found)
      return this.#clearWrite(found, { kind: 'expire', caller: system })
    })
  }

  async #write(
    storeId: string,
    writeOf: (found: Found) => AtomicWrite | Promise<AtomicWrite | undefined>,
  ): Promise<void> {
    for (let attempt = 0; attempt < limits.commitAttemptsMax; attempt += 1) {
      const write = await writeOf(await this.#find(storeId))
      if (!write || (await this.#engine.commit(write)).applied) return
    }
    throw storeBusy(storeId)
  }

  async #find(storeId: string): Promise<Found> {
    const counters = [counterKey(storeId, 'bytes'), counterKey(storeId, 'records')]
    const keys = [storeKey(storeId), activityKey(storeId), ...counters]
    const [store, activity, bytes, records] = await this.#engine.get(keys)
    if (!store || !activity) throw storeNotFound(storeId)
    const { identity } = this.#identities.decode(storeId, store)
    return { identity, store, activity, bytes: Number(totalOf(bytes)), records }
  }

  async #assertAllowed(caller: Caller, { identity }: Found): Promise<void> {
    const asks = caller.asksOwner(identity)
    const [owner] = asks ? await this.#engine.get([userKey(identity.ownerId)]) : []
    caller.assert(identity, accessOf(owner))
  }

  #dropWrite(found: Found, ending: Ending): AtomicWrite {
    const { identity, store, activity, bytes } = found
    const { id, ownerId, name } = identity
    const now = this.#environment.now()
    const { expiresAt } = decodeActivity(activity)
    const deletes = [
      storeKey(id),
      activityKey(id),
      ...ownedKeys(identity, { named: false }),
      counterKey(id, 'records'),
      counterKey(id, 'bytes'),
      ...Object.keys(identity.shares).map((userId) => sharedKey(userId, id)),
    ]
    if (expiresAt > 0) deletes.push(expiryKey(expiresAt, id))
    if (identity.hasSchema) deletes.push(schemaKey(id))
    const sums = [{ key: ownerCounterKey(ownerId, 'stores'), delta: -1n }]
    if (name !== null) {
      deletes.push(nameKey(ownerId, name), ...ownedKeys(identity, { named: true }))
      sums.push({ key: ownerCounterKey(ownerId, 'named'), delta: -1n })
    }
    const mark = markGarbage(identity.contentId, { kind: 'content', bytes, dueAt: keptUntil(now) })
    return {
      // Its place among those that expire goes too, and a renewal that came meanwhile saves it.
      checks: [store, activity],
      deletes,
      puts: [...this.#told(found, ending), ...mark.puts],
      sums: [...sums, ...mark.sums],
    }
  }

  /** The time of a store begins again that has nothing to clear, and nothing to tell. */
  #rearmWrite({ identity, store, activity, records }: Found): AtomicWrite {
    const before = decodeActivity(activity)
    const { expiresAt, by } = this.#activities.armed(identity, before)
    const counter = { key: counterKey(identity.id, 'records'), revision: records?.revision }
    return {
      checks: [store, activity, counter],
      ...moveExpiry(identity.id, { from: before, to: { ...before, expiresAt, by } }),
    }
  }

  #clearWrite(found: Found, ending: Ending): AtomicWrite {
    const { identity, store, activity, bytes } = found
    const { id } = identity
    const now = this.#environment.now()
    const contentId = Buffer.from(this.#environment.randomBytes(innerIdBytes))
    const before = decodeActivity(activity)
    const after = this.#activities.armed(identity, before)
    const expiry = moveExpiry(id, { from: before, to: after })
    const mark = markGarbage(identity.contentId, { kind: 'content', bytes, dueAt: keptUntil(now) })
    return {
      checks: [store, activity],
      deletes: [counterKey(id, 'records'), counterKey(id, 'bytes'), ...expiry.deletes],
      puts: [
        { key: storeKey(id), value: encodeIdentity({ ...identity, contentId }) },
        ...this.#told(found, ending),
        ...expiry.puts,
        ...mark.puts,
      ],
      sums: mark.sums,
    }
  }

  /** What the change log says, and the audit trail where somebody did it. */
  #told({ identity, store }: Found, { kind, caller: { actor } }: Ending): Put[] {
    const at = this.#environment.now()
    const { id, ownerId, name } = identity
    const before = store.revision
    const change = changePut(id, { kind, key: '', size: 0, at, actor, before })
    if (kind === 'expire') return [change]
    const action: AuditAction = kind === 'drop' ? 'store-dropped' : 'store-cleared'
    const event = { action, subject: name ?? id, at, actor, storeId: id, before }
    return [change, auditPut(ownerId, event)]
  }
}

/** How a store ends or is cleared, and by whom. */
interface Ending {
  readonly kind: ChangeKind
  readonly caller: Caller
}

/** A damaged counter says nothing. */
function isEmpty({ records }: Found): boolean {
  return !records?.isDamaged && totalOf(records) === 0n
}
