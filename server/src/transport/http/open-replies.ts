import type { Socket } from 'node:net'
import type { HttpReply, OpenEnd } from '../exchange.ts'

/** The replies without an end that are being sent. */
export class OpenReplies {
  readonly #open = new Map<Socket, OpenEnd>()
  #isStopping = false

  /** Whether the connection sends such a reply. */
  has(socket: Socket): boolean {
    return this.#open.has(socket)
  }

  /**
   * Ends the reply when its client has gone or the server stops. Returns what is to be called once
   * the reply is sent; it calls `onSent`.
   */
  watch({ openEnd }: HttpReply, socket: Socket, onSent: () => void): () => void {
    if (!openEnd) return onSent
    const end = (): void => openEnd.end()
    this.#open.set(socket, openEnd)
    socket.once('close', end)
    if (this.#isStopping || socket.destroyed) end()
    return () => {
      socket.off('close', end)
      this.#open.delete(socket)
      onSent()
    }
  }

  /** Ends all of them, now and from now on. Clients that do not read are cut off. */
  stop(): void {
    this.#isStopping = true
    for (const [socket, openEnd] of this.#open) {
      openEnd.end()
      if (socket.writableLength > 0) socket.destroy()
    }
  }
}
