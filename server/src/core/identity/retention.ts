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
  /** `drop` removes the store; `clear` removes its records and starts its time again. */
  readonly onExpiry: 'drop' | 'clear'
}

/**
 * The retention setting of a store: its own retention, none, or the server's default for unnamed
 * stores.
 */
export type OwnRetention = Retention | 'none' | 'default'

/**
 * Throws `store-retention-invalid`. Checks everything, since the value may come from outside,
 * whatever its type says.
 */
export function assertRetention(retention: OwnRetention): void {
  if (retention === 'none' || retention === 'default') return
  const { ttlMs, renewOnRead, renewOnWrite, onExpiry } = retention
  if (!Number.isSafeInteger(ttlMs) || ttlMs < retentionMsMin || ttlMs > retentionMsMax) {
    const bounds = `from ${retentionMsMin / secondMs} second to ${retentionMsMax / dayMs} days`
    throw invalidRetention(`A retention must be a time ${bounds}.`)
  }
  if (typeof renewOnRead !== 'boolean' || typeof renewOnWrite !== 'boolean') {
    throw invalidRetention('renewOnRead and renewOnWrite must be true or false.')
  }
  if (onExpiry === 'drop' || onExpiry === 'clear') return
  throw invalidRetention('onExpiry must be drop or clear.')
}

function invalidRetention(sentence: string): StorageError {
  return new StorageError('store-retention-invalid', sentence)
}

/** The server's retention for unnamed stores; undefined: they do not expire. */
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
 * How long a renewal may wait before it is written, in ms. After an unclean stop of the server the
 * store lives this much longer, so that it never ends early.
 */
export function renewalDelayMs(retention: Retention | undefined): number {
  if (!retention) return limits.activityFlushMsMax
  return Math.min(limits.activityFlushMsMax, retention.ttlMs / limits.activityFlushesPerTtl)
}

/** Whether expiry removes the records of the store instead of the store itself. */
export function endsByClearing({ retention }: { readonly retention: OwnRetention }): boolean {
  return typeof retention === 'object' && retention.onExpiry === 'clear'
}
