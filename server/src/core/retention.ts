import { limits } from './limits.ts'

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
