import { auditRange, auditUserIdOf, changeRange, kindRange } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { KeyRange, Revision, StorageEngine } from '../engine/engine.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import { type AuditAction, type AuditEvent, decodeAuditEvent } from '../log/audit.ts'
import { type Change, decodeChanges } from '../log/change.ts'
import { type NewestQuery, readNewest } from './newest-first.ts'

/** What happened to a store, or to one of its records. */
export type StoreEvent = Omit<AuditEvent, 'action'> & {
  readonly action: AuditAction | 'record-put' | 'record-deleted' | 'store-expired'
  /** Of a record, in stored bytes. */
  readonly size?: number
}

/** A store whose events are asked for. */
interface AuditedStore {
  /** Throws what its caller throws. */
  identity(): Promise<StoreIdentity>
}

/** The users' audit trails, each kept to its newest events. */
export class AuditLog {
  readonly #engine: StorageEngine
  #cursor = kindRange('audit').start

  constructor(engine: StorageEngine) {
    this.#engine = engine
  }

  /** A user's events, the newest first. */
  async read(
    userId: string,
    query: NewestQuery,
  ): Promise<{ events: readonly AuditEvent[]; more: boolean }> {
    const rangeOf = (revision: Revision): KeyRange => auditRange(userId, revision)
    const { entries, more } = await readNewest(this.#engine, rangeOf, query)
    return { events: entries.map(decodeAuditEvent), more }
  }

  /**
   * What happened to a store and its records, the newest first. Throws what the store's caller
   * throws.
   */
  async readStore(
    store: AuditedStore,
    query: NewestQuery,
  ): Promise<{ events: readonly StoreEvent[]; more: boolean }> {
    const { id, ownerId } = await store.identity()
    const changes = await this.#changes(id, query)
    const settings = await this.#settings(ownerId, id, query)
    // The change log tells of clearing too, for as long as it is kept.
    const told = new Set(changes.events.map(({ revision }) => revision))
    const others = settings.filter(
      ({ action, revision }) => action !== 'store-cleared' || !told.has(revision),
    )
    const all = [...changes.events, ...others]
    all.sort((one, other) => other.revision - one.revision)
    const events = wholeRevisions(all, query.limit)
    return { events, more: changes.more || all.length > events.length }
  }

  async #changes(
    storeId: string,
    query: NewestQuery,
  ): Promise<{ events: readonly StoreEvent[]; more: boolean }> {
    const rangeOf = (after: Revision): KeyRange => changeRange(storeId, after)
    const { entries, more } = await readNewest(this.#engine, rangeOf, query)
    return { events: entries.flatMap((entry) => decodeChanges(entry).map(eventOf)), more }
  }

  /** One more than is asked for, where there are more. */
  async #settings(
    ownerId: string,
    storeId: string,
    { before, limit }: NewestQuery,
  ): Promise<readonly AuditEvent[]> {
    const found: AuditEvent[] = []
    for await (const entry of walk(this.#engine, auditRange(ownerId, 0))) {
      if (entry.isDamaged) continue
      const event = decodeAuditEvent(entry)
      const isOlder = before === undefined || event.revision < before
      if (event.storeId !== storeId || !isOlder) continue
      found.push(event)
      if (found.length > limit + 1) found.shift()
    }
    return found
  }

  /** Goes round over all trails, one at a time, and removes what is over the bound. */
  async sweep(): Promise<void> {
    const all = kindRange('audit')
    for (let visited = 0; visited < limits.sweptAuditTrailsMax; visited += 1) {
      const range = { start: this.#cursor, end: all.end }
      const { entries } = await this.#engine.scan(range, { limit: 1, bytes: limits.pageBytesMax })
      const [first] = entries
      this.#cursor = all.start
      if (!first) return
      const userId = auditUserIdOf(first.key)
      this.#cursor = auditRange(userId, 0).end
      await this.#trim(userId)
    }
  }

  async #trim(userId: string): Promise<void> {
    const keys: Bytes[] = []
    for await (const { key } of walk(this.#engine, auditRange(userId, 0))) keys.push(key)
    // By their keys: what another server removes meanwhile is not removed in addition.
    const excess = keys.slice(0, -limits.auditEventsKeptMax)
    while (excess.length > 0) {
      await this.#engine.commit({ deletes: excess.splice(0, limits.sweepBatchKeysMax) })
    }
  }
}

/**
 * The first `limit` and those of the same commit as the last of them: the next page begins behind a
 * revision.
 */
function wholeRevisions(events: readonly StoreEvent[], limit: number): readonly StoreEvent[] {
  const last = events[limit - 1]
  const end = last ? events.findIndex(({ revision }) => revision < last.revision) : -1
  return end < 0 ? events : events.slice(0, end)
}

const changeActions = {
  put: 'record-put',
  delete: 'record-deleted',
  clear: 'store-cleared',
  drop: 'store-dropped',
  expire: 'store-expired',
} as const

function eventOf({ kind, key, size, revision, at, actor, before }: Change): StoreEvent {
  const action = changeActions[kind]
  return { revision, at, action, subject: key, actor, before, ...(kind === 'put' && { size }) }
}
