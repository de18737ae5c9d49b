import { auditRange, auditUserIdOf, changeRange, kindRange } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { KeyRange, Revision, StorageEngine } from '../engine/engine.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { isAbout } from '../identity/store-audit.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import { type AuditAction, type AuditEvent, decodeAuditEvent } from '../log/audit.ts'
import { type Change, decodeChanges } from '../log/change.ts'
import { type NewestQuery, readNewest } from './newest-first.ts'

/** A change to a store, or to one of its records. */
export type StoreEvent = Omit<AuditEvent, 'action'> & {
  readonly action: AuditAction | 'record-put' | 'record-deleted'
  /** The size of a record in stored bytes. */
  readonly size?: number
}

/** The store whose events are read. */
interface AuditedStore {
  /** Throws what its caller throws. */
  identity(): Promise<StoreIdentity>
}

/** The users' audit trails. Only the newest events of each are kept. */
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
   * The events of a store and its records, the newest first. Throws what the store's caller throws.
   */
  async readStore(
    store: AuditedStore,
    query: NewestQuery,
  ): Promise<{ events: readonly StoreEvent[]; more: boolean }> {
    const { id, ownerId } = await store.identity()
    const changes = await this.#changes(id, query)
    const settings = await this.#settings(ownerId, id, query)
    // A clear, also of an expired store, is in the change log too, as long as its entry is kept.
    const told = new Set(changes.events.map(({ revision }) => revision))
    const others = settings.filter(
      ({ action, revision }) => !isInBoth(action) || !told.has(revision),
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

  /**
   * The newest events of the store in the owner's trail: one more than the limit, if there are
   * more.
   */
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
      if (!isAbout(event, storeId) || !isOlder) continue
      found.push(event)
      if (found.length > limit + 1) found.shift()
    }
    return found
  }

  /** Visits all trails in turn, a few per sweep, and removes the oldest events above the limit. */
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
    // Removes them by their keys: if another server trims the same trail, no event is removed in
    // addition.
    const excess = keys.slice(0, -limits.auditEventsKeptMax)
    while (excess.length > 0) {
      await this.#engine.commit({ deletes: excess.splice(0, limits.sweepBatchKeysMax) })
    }
  }
}

/**
 * The first `limit` events, plus those in the same commit as the last one: the next page begins
 * before a revision, so it would miss them.
 */
function wholeRevisions(events: readonly StoreEvent[], limit: number): readonly StoreEvent[] {
  const last = events[limit - 1]
  const end = last ? events.findIndex(({ revision }) => revision < last.revision) : -1
  return end < 0 ? events : events.slice(0, end)
}

function isInBoth(action: AuditAction): boolean {
  return action === 'store-cleared' || action === 'store-expired'
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
