import type { Socket } from 'node:net'

interface Seen {
  /** Bytes that were read from the socket or handed to it. */
  bytes: number
  at: number
}

/**
 * Cuts off connections on which nothing moves: clients that stall in a request or a reply, and
 * connections that are kept alive without use. Checking all of them now and then costs less than
 * the timers that Node would set for every request.
 */
export class IdleConnections {
  readonly #idleMs: number
  readonly #silentMs: number
  readonly #seen = new Map<Socket, Seen>()

  /** `idleMs`: how long nothing may move. `silentMs`: the same while nothing has ever moved. */
  constructor({ idleMs, silentMs }: { readonly idleMs: number; readonly silentMs: number }) {
    this.#idleMs = idleMs
    this.#silentMs = silentMs
  }

  /** Watches a connection until it is closed or forgotten. */
  watch(socket: Socket, now: number): void {
    this.#seen.set(socket, { bytes: 0, at: now })
    socket.once('close', () => this.#seen.delete(socket))
  }

  /** The connection became a WebSocket: stop watching it. */
  forget(socket: Socket): void {
    this.#seen.delete(socket)
  }

  /**
   * `now` is ms since any fixed moment. Spares connections whose client waits for the server;
   * `isWaitedFor` tells which.
   */
  cutOff(now: number, isWaitedFor: (socket: Socket) => boolean): void {
    for (const [socket, seen] of this.#seen) {
      const bytes = socket.bytesRead + socket.bytesWritten
      if (bytes !== seen.bytes || isWaitedFor(socket)) this.#seen.set(socket, { bytes, at: now })
      else if (now - seen.at >= (bytes === 0 ? this.#silentMs : this.#idleMs)) socket.destroy()
    }
  }
}
