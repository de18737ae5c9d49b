import type { AtomicWrite } from '../../../core/engine/engine.ts'
import { limits } from '../../../core/kernel/limits.ts'

/**
 * Whether a write may use the room that is kept for a full disk: it deletes more than it puts, or
 * the domain says that it must not fail for want of room.
 */
export function mayUseReserve({ deletes = [], puts = [], isUrgent }: AtomicWrite): boolean {
  if (isUrgent) return true
  let bytes = 0
  for (const { key, value } of puts) bytes += key.length + value.length
  return deletes.length > 0 && bytes <= deletes.length * limits.lmdbPutBytesPerDeleteMax
}
