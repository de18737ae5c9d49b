import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'

const secondMs = 1_000
const dayMs = 86_400_000
const { retentionMsMin, retentionMsMax } = limits

/** How long a store lives, what renews it, and what happens at the end. */
export interface Retention {
  readonly ttlMs: number
  readonly renewOnRead: boolean
  readonly renewOnWrite: boolean
  /** `drop` ends the store; `clear` removes its records and starts the time again. */
  readonly onExpiry: 'drop' | 'clear'
}

/**
 * A store's own retention: one of its own, none at all, or what the server gives to unnamed stores.
 */
export type OwnRetention = Retention | 'none' | 'default'

/** Throws `store-retention-invalid`. Takes what is typed so, and may come from anywhere. */
export function assertRetention(retention: OwnRetention): void {
  if (retention === 'none' || retention === 'default') return
  const { ttlMs, renewOnRead, renewOnWrite, onExpiry } = retention
  if (!Number.isSafeInteger(ttlMs) || ttlMs < retentionMsMin || ttlMs > retentionMsMax) {
    const bounds = `from ${retentionMsMin / secondMs} second to ${retentionMsMax / dayMs} days`
    throw invalidRetention(`A retention is a time ${bounds}.`)
  }
  if (typeof renewOnRead !== 'boolean' || typeof renewOnWrite !== 'boolean') {
    throw invalidRetention('What renews a store is said by true or false.')
  }
  if (onExpiry === 'drop' || onExpiry === 'clear') return
  throw invalidRetention('A store is dropped or cleared at the end of its time.')
}

function invalidRetention(sentence: string): StorageError {
  return new StorageError('store-retention-invalid', sentence)
}

/** What the server gives to unnamed stores; undefined: they are kept. */
export function defaultRetention(unnamedRetentionMs: number): Retention | undefined {
  if (unnamedRetentionMs === 0) return undefined
  return { ttlMs: unnamedRetentionMs, renewOnRead: true, renewOnWrite: true, onExpiry: 'drop' }
}

/**
 * The retention in force. A name ends expiry: *put your name on it and it is kept*.
 * Undefined: the store is kept.
 */
export function retentionInForce(
  store: { readonly name: string | null; readonly retention: OwnRetention },
  unnamed: Retention | undefined,
): Retention | undefined {
  if (store.name !== null || store.retention === 'none') return undefined
  return store.retention === 'default' ? unnamed : store.retention
}

/**
 * How long a renewal may wait before it is written, in ms. After an unclean stop the store gets
 * this much longer, so that it never ends early.
 */
export function renewalDelayMs(retention: Retention | undefined): number {
  if (!retention) return limits.activityFlushMsMax
  return Math.min(limits.activityFlushMsMax, retention.ttlMs / limits.activityFlushesPerTtl)
}

/** Whether the end of the store's time removes its records and not the store. */
export function endsByClearing({ retention }: { readonly retention: OwnRetention }): boolean {
  return typeof retention === 'object' && retention.onExpiry === 'clear'
}
