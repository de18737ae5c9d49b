import { connect, type Socket } from 'node:net'

/** How a client ends: it ends its side, it breaks off soon, or it waits for the server. */
export type Ending = 'end' | 'cut' | 'stay'

const cutAfterMs = 100

/**
 * Writes `parts` unchanged to a socket, which no HTTP client would do. Returns all that the server
 * sends until the connection is closed.
 */
export async function sendRaw(
  url: string,
  parts: readonly (string | Buffer)[],
  ending: Ending,
): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const closed = received(socket)
  for (const part of parts) socket.write(part, 'latin1')
  if (ending === 'end') socket.end()
  if (ending === 'cut') setTimeout(() => socket.destroy(), cutAfterMs)
  return closed
}

/** All data that a socket receives until it is closed, also by an error. */
export function received(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  socket.on('data', (part) => {
    text += part.toString('latin1')
  })
  socket.on('error', () => resolve(text))
  socket.on('close', () => resolve(text))
  return promise
}
