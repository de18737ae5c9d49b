import type { PoolBounds } from '../../core/kernel/bounds/byte-pool.ts'
import { limits } from '../../core/kernel/limits.ts'
import { connectionsAllowed } from './open-files.ts'

/** What all connections together may hold, and how many there may be. */
export interface HttpBounds {
  readonly bodies: PoolBounds
  readonly replies: PoolBounds
  readonly connectionsMax: number
}

export function usualBounds(): HttpBounds {
  const allowed = connectionsAllowed() ?? limits.connectionsMax
  return {
    bodies: { bytesMax: limits.bodiesBytesMax, ownerBytesMax: limits.bodiesBytesOwnerMax },
    replies: { bytesMax: limits.repliesBytesMax, ownerBytesMax: limits.repliesBytesPeerMax },
    connectionsMax: Math.min(limits.connectionsMax, allowed),
  }
}
