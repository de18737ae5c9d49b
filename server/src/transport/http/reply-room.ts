import type { BytePool } from '../../core/kernel/bounds/byte-pool.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { HttpReply } from '../exchange.ts'
import type { WholeReply } from '../replies.ts'

/** With more than this part of the room taken, slow clients are cut off sooner. */
const nearlyAll = 3 / 4

/** The room that long replies take in memory while their clients take them. */
export class ReplyRoom {
  readonly #pool: BytePool

  constructor(pool: BytePool) {
    this.#pool = pool
  }

  /** Whether a client at this address takes its reply so slowly that others find no room. */
  isShortFor(peer: string): boolean {
    return !this.#pool.fits(peer, limits.chunkBytes, nearlyAll)
  }

  /**
   * Takes room for a reply to a client at this address. Returns what gives it back; undefined:
   * there is no room.
   */
  take({ body }: HttpReply, peer: string): (() => void) | undefined {
    const isWhole = typeof body === 'string' || body instanceof Uint8Array
    const holding = this.#pool.open(peer)
    // A streamed reply is read as fast as the client takes it, a chunk at a time.
    if (!holding.take(isWhole ? body.length : limits.chunkBytes)) return undefined
    return () => holding.set(0)
  }
}

/** The reply to a client for whose reply there is no room. */
export function noRoomReply(): WholeReply {
  const message = 'Too many long replies are under way. Try again.'
  return {
    status: 503,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Access-Control-Allow-Origin': '*',
      'Retry-After': 1,
    },
    body: JSON.stringify({ error: { type: 'service-unavailable', message } }),
  }
}
