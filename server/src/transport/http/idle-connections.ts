import type { Socket } from 'node:net'

interface Seen {
  /** Bytes that were read, and handed to the socket. */
  bytes: number
  at: number
}

/**
 * Cuts off connections on which nothing moves: clients that stall in a request or a reply, and
 * those that are kept alive for nothing. Looking at all of them now and then costs less than the
 * timers that Node would set for every request.
 */
export class IdleConnections {
  readonly #idleMs: number
  readonly #silentMs: number
  readonly #seen = new Map<Socket, Seen>()

  /** `silentMs`: for connections on which nothing has ever come. */
  constructor({ idleMs, silentMs }: { readonly idleMs: number; readonly silentMs: number }) {
    this.#idleMs = idleMs
    this.#silentMs = silentMs
  }

  /** Until it is closed or forgotten. */
  watch(socket: Socket, now: number): void {
    this.#seen.set(socket, { bytes: 0, at: now })
    socket.once('close', () => this.#seen.delete(socket))
  }

  /** Somebody else looks after it. */
  forget(socket: Socket): void {
    this.#seen.delete(socket)
  }

  /**
   * `now` is ms from anywhere. Spares connections whose clients are waiting for the server, which
   * `isWaitedFor` knows.
   */
  cutOff(now: number, isWaitedFor: (socket: Socket) => boolean): void {
    for (const [socket, seen] of this.#seen) {
      const bytes = socket.bytesRead + socket.bytesWritten
      if (bytes !== seen.bytes || isWaitedFor(socket)) this.#seen.set(socket, { bytes, at: now })
      else if (now - seen.at >= (bytes === 0 ? this.#silentMs : this.#idleMs)) socket.destroy()
    }
  }
}
