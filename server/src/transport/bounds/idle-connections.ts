import type { Socket } from 'node:net'
import { limits } from '../../core/kernel/limits.ts'

interface Seen {
  /** Bytes that were read from the socket or handed to it. */
  readonly bytes: number
  readonly at: number
  /** The same when a transfer last made progress that is worth the name. */
  readonly movedBytes: number
  readonly movedAt: number
}

/** What the client of a connection does. */
export type Activity =
  /** It waits for the server. */
  | 'waits'
  /** It sends a body, or takes a reply. */
  | 'transfers'
  /** It waits for more of a reply that has no end. */
  | 'listens'
  /** Neither: there is no request, or only a part of its head. */
  | 'idles'

/** A connection that idles. */
export interface Idle {
  readonly socket: Socket
  /** Since when, in ms since any fixed moment. */
  readonly at: number
}

export interface IdlePatience {
  /** How long nothing may move. */
  readonly idleMs: number
  /** The same while nothing has ever moved. */
  readonly silentMs: number
  /** How long a transfer may take to move `httpMovedBytesMin`. */
  readonly slowMs: number
  /** The same while others wait for room. */
  readonly shortMs: number
}

/**
 * Cuts off connections on which nothing moves: clients that stall in a request or a reply, and
 * connections that are kept alive without use. Also cuts off transfers that move a byte now and
 * then, because each of them takes a connection and room in memory. Checking all of them now and
 * then costs less than the timers that Node would set for every request.
 */
export class IdleConnections {
  readonly #patience: IdlePatience
  readonly #seen = new Map<Socket, Seen>()

  constructor(patience: IdlePatience) {
    this.#patience = patience
  }

  /** Watches a connection until it is closed or forgotten. */
  watch(socket: Socket, now: number): void {
    this.#seen.set(socket, { bytes: 0, at: now, movedBytes: 0, movedAt: now })
    socket.once('close', () => this.#seen.delete(socket))
  }

  /** The connection became a WebSocket: stop watching it. */
  forget(socket: Socket): void {
    this.#seen.delete(socket)
  }

  /** `now` is ms since any fixed moment. `isShortFor`: whether others wait for this client. */
  cutOff(
    now: number,
    activityOf: (socket: Socket) => Activity,
    isShortFor: (socket: Socket) => boolean = () => false,
  ): void {
    for (const [socket, seen] of this.#seen) {
      const next = seenNext(socket, { seen, now, activity: activityOf(socket) })
      if (this.#isLost(next, { now, isShortFor: () => isShortFor(socket) })) socket.destroy()
      else this.#seen.set(socket, next)
    }
  }

  /** The connection that has been idle for longest; undefined: none idles. */
  idlest(activityOf: (socket: Socket) => Activity): Idle | undefined {
    let idlest: Idle | undefined
    for (const [socket, { at }] of this.#seen) {
      if (socket.destroyed || (idlest && idlest.at <= at)) continue
      if (activityOf(socket) === 'idles') idlest = { socket, at }
    }
    return idlest
  }

  #isLost(
    { bytes, at, movedAt }: Seen,
    { now, isShortFor }: { now: number; isShortFor(): boolean },
  ): boolean {
    const { idleMs, silentMs, slowMs, shortMs } = this.#patience
    if (now - at >= (bytes === 0 ? silentMs : idleMs)) return true
    if (now - movedAt < shortMs) return false
    return now - movedAt >= slowMs || isShortFor()
  }
}

function seenNext(
  socket: Socket,
  { seen, now, activity }: { seen: Seen; now: number; activity: Activity },
): Seen {
  // Of a reply without an end, new parts may wait in the socket while the client takes nothing.
  const unsent = activity === 'listens' ? socket.writableLength : 0
  const bytes = socket.bytesRead + socket.bytesWritten - unsent
  const waits = activity === 'waits' || (activity === 'listens' && unsent === 0)
  const isTransfer = activity === 'transfers' || unsent > 0
  const hasMoved = !isTransfer || bytes - seen.movedBytes >= limits.httpMovedBytesMin
  return {
    bytes,
    at: bytes !== seen.bytes || waits ? now : seen.at,
    movedBytes: hasMoved ? bytes : seen.movedBytes,
    movedAt: hasMoved ? now : seen.movedAt,
  }
}
