import { WebSocket } from 'ws'

/** How many bytes of a reason fit into a close frame (RFC 6455, 5.5). */
const reasonBytesMax = 123

/**
 * A connection of `ws`. `ws` closes it by itself if the client closes or sends invalid data. This
 * class asks first, so that pending answers go out before the end.
 */
export class SocketClient extends WebSocket {
  /** Called instead of closing. It must call `closeNow` in the end. */
  onClosing: ((code: number | undefined, reason: string | Buffer | undefined) => void) | undefined

  override close(code?: number, reason?: string | Buffer): void {
    if (this.onClosing) this.onClosing(code, reason)
    else super.close(code, reason)
  }

  /** Closes the connection, with as much of the reason as fits. */
  closeNow(code?: number, reason: string | Buffer = ''): void {
    super.close(code, fitting(reason))
  }
}

/** Cuts a reason to the bytes that fit, between characters. */
function fitting(reason: string | Buffer): string | Buffer {
  if (typeof reason !== 'string' || Buffer.byteLength(reason) <= reasonBytesMax) return reason
  const room = new Uint8Array(reasonBytesMax)
  const { written } = new TextEncoder().encodeInto(reason, room)
  return Buffer.from(room.subarray(0, written))
}
