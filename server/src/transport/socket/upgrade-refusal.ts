import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { limits } from '../../core/kernel/limits.ts'
import type { TextReply } from '../refusal.ts'

/** Refuses a handshake, for which Node has no response object, and closes the connection. */
export function refuseUpgrade(socket: Duplex, { status, headers, body }: TextReply): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const timer = setTimeout(() => socket.destroy(), limits.lingerMsMax)
  socket.once('close', () => clearTimeout(timer))
  // Drop further bytes: unread bytes would turn the end into an error, which overtakes the reply.
  socket.resume()
  const lines = Object.entries({ ...headers, Connection: 'close' })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`)
}
