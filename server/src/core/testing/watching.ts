import type { Revision, StorageEngine } from '../engine/engine.ts'
import type { WatchEvent } from '../history/watch-event.ts'
import type { WatchBatch, Watcher } from '../history/watcher.ts'
import type { WatchQuery } from '../history/watches.ts'
import { limits } from '../kernel/limits.ts'
import type { StoreRecord } from '../records/record.ts'
import type { Store } from '../stores/store.ts'
import { owner } from './callers.ts'
import { textRecord } from './records.ts'
import { openTestDomain, type TestDomain } from './test-domain.ts'

export const everything: WatchQuery = { withValues: true, owner: 'somebody' }

/** Values are JSON for these tests, whatever their type is. */
export async function jsonOf(record: StoreRecord): Promise<string> {
  return Buffer.from(await record.value.read()).toString()
}

/** Short pauses take a turn of the event loop. Long ones, which tests must not need, never end. */
export function pause(ms = 0): Promise<void> {
  return ms >= limits.watchOwnPauseMs ? new Promise(() => undefined) : turn()
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export async function openStore(
  engine: StorageEngine,
): Promise<{ domain: TestDomain; store: Store }> {
  const domain = await openTestDomain(engine, { watching: { pause, jsonOf } })
  return { domain, store: await domain.stores.create({ ownerId: owner, name: 'coats' }) }
}

export async function put(store: Store, key: string, text: string): Promise<Revision> {
  return (await store.put(textRecord(key, text))).revision
}

/** `put a 1`: what happened to which key, and the value. */
export function told(batch: WatchBatch | undefined): string {
  if (!batch) return 'over'
  return batch.kind === 'reset' ? 'reset' : batch.events.map(textOf).join(', ')
}

export function textOf({ change: { kind, key }, value }: WatchEvent): string {
  return [kind, key, value?.json].filter((text) => text !== undefined && text !== '').join(' ')
}

export async function next(watcher: Watcher): Promise<string> {
  return told(await watcher.next())
}

export async function eventsOf(watcher: Watcher): Promise<readonly WatchEvent[]> {
  const batch = await watcher.next()
  return batch?.kind === 'changes' ? batch.events : []
}
