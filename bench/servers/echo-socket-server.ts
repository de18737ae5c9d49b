import { WebSocketListener } from '../../server/src/transport/socket/websocket.ts'
import type { SocketDoor, SocketSession } from '../../server/src/transport/socket-exchange.ts'

/**
 * What Coatcheck's transport of WebSockets costs without a door. It does the same as the bare
 * server. Runs as a program of its own.
 */
const session: SocketSession = {
  receive: (message, reply) => reply(JSON.stringify(JSON.parse(String(message)))),
  close: () => undefined,
}
const door: SocketDoor = { accept: () => session }

const listener = new WebSocketListener({
  host: '127.0.0.1',
  port: 0,
  door,
  maxPayloadBytes: 1_048_576,
  logError: (message, cause) => process.stderr.write(`${message}: ${cause}\n`),
})
await listener.listen()
process.stdout.write(`The echo is listening on ${listener.url}\n`)

process.on('SIGTERM', () => process.exit(0))
