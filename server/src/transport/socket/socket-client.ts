import { WebSocket } from 'ws'

/** The bytes of a reason that a frame holds (RFC 6455, 5.5). */
const reasonBytesMax = 123

/**
 * The connection of `ws`, which closes by itself where the client does or sends what it must not.
 * It asks first here, so that answers that are under way come before the end.
 */
export class SocketClient extends WebSocket {
  /** Whoever is asked: calls `closeNow` in the end. */
  onClosing: ((code: number | undefined, reason: string | Buffer | undefined) => void) | undefined

  override close(code?: number, reason?: string | Buffer): void {
    if (this.onClosing) this.onClosing(code, reason)
    else super.close(code, reason)
  }

  /** As much of the reason as fits. */
  closeNow(code?: number, reason: string | Buffer = ''): void {
    super.close(code, fitting(reason))
  }
}

/** Cut between characters. */
function fitting(reason: string | Buffer): string | Buffer {
  if (typeof reason !== 'string' || Buffer.byteLength(reason) <= reasonBytesMax) return reason
  const room = new Uint8Array(reasonBytesMax)
  const { written } = new TextEncoder().encodeInto(reason, room)
  return Buffer.from(room.subarray(0, written))
}
