import type { Socket } from 'node:net'
import type { BytePool, Holding } from '../../core/kernel/bounds/byte-pool.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { HttpReply, OpenEnd } from '../exchange.ts'

/** With more than this part of the room taken, slow clients are cut off sooner. */
const nearlyAll = 3 / 4

/** A client that takes a reply, and whose room the reply takes. */
export interface Taker {
  readonly socket: Socket
  readonly owner: string
}

/** The room that replies take in memory while their clients take them. */
export class ReplyRoom {
  readonly #pool: BytePool
  /** Whose room the latest counted reply of a connection took. */
  readonly #owners = new WeakMap<Socket, string>()

  constructor(pool: BytePool) {
    this.#pool = pool
  }

  /** Whether a client takes its reply so slowly that others find no room. */
  isShortFor(socket: Socket): boolean {
    return !this.#pool.fits(this.#owners.get(socket) ?? '', limits.chunkBytes, nearlyAll)
  }

  /** Takes room for a long reply. Returns what gives it back; undefined: there is no room. */
  take({ body, openEnd }: HttpReply, { socket, owner }: Taker): (() => void) | undefined {
    const isWhole = typeof body === 'string' || body instanceof Uint8Array
    const holding = this.#pool.open(owner)
    // A streamed reply is read as fast as the client takes it, a chunk at a time.
    const streamed = openEnd?.bytesMax ?? limits.chunkBytes
    if (!holding.take(isWhole ? body.length : streamed)) return undefined
    this.#owners.set(socket, owner)
    return openEnd ? countOpen(openEnd, holding) : () => holding.set(0)
  }

  /**
   * Counts what a client has left of a reply in the socket, whether that fits or not, until the
   * client has taken it. To be called when the socket is to emit `drain`.
   */
  holdUnsent({ socket, owner }: Taker): void {
    const holding = this.#pool.open(owner)
    holding.set(socket.writableLength)
    this.#owners.set(socket, owner)
    const release = (): void => {
      socket.off('drain', release)
      socket.off('close', release)
      holding.set(0)
    }
    socket.once('drain', release)
    socket.once('close', release)
  }
}

/**
 * A stream without an end holds nothing while it is silent, maybe for days. Returns what gives its
 * room back: what the stream makes ready after that is sent to nobody.
 */
function countOpen(openEnd: OpenEnd, holding: Holding): () => void {
  let isOver = false
  holding.set(0)
  openEnd.count((bytes) => {
    if (!isOver) holding.set(bytes)
  })
  return () => {
    isOver = true
    holding.set(0)
  }
}
