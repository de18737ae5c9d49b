import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Removes the connection listeners of `node:http`. Returns a function that runs them for one
 * connection.
 */
export function taking(server: Server): (socket: Socket) => void {
  const takers = server.listeners('connection')
  server.removeAllListeners('connection')
  return (socket) => {
    for (const taker of takers) taker.call(server, socket)
  }
}

/** Passes bytes that were read from a connection to its current listeners. */
export function passOn(socket: Socket, { bytes, isEnd }: { bytes: Buffer; isEnd: boolean }): void {
  socket.emit('data', bytes)
  if (isEnd) socket.emit('end')
}
