import type { PoolBounds } from '../../core/kernel/bounds/byte-pool.ts'
import { limits } from '../../core/kernel/limits.ts'

/** What all connections together may hold. */
export interface HttpBounds {
  readonly bodies: PoolBounds
  readonly replies: PoolBounds
}

export const usualHttpBounds: HttpBounds = {
  bodies: { bytesMax: limits.bodiesBytesMax, ownerBytesMax: limits.bodiesBytesOwnerMax },
  replies: { bytesMax: limits.repliesBytesMax, ownerBytesMax: limits.repliesBytesPeerMax },
}
