import { type WebSocket, WebSocketServer } from 'ws'

/**
 * What `ws` costs by itself: the doors that use WebSockets are compared with it. It parses each
 * message and sends it back as JSON, and there is nothing else. Runs as a program of its own.
 */
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })

server.on('connection', (client: WebSocket) => {
  client.on('message', (data: Buffer) => {
    client.send(JSON.stringify(JSON.parse(data.toString())))
  })
})

server.on('listening', () => {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  process.stdout.write(`The bare server is listening on ws://127.0.0.1:${port}\n`)
})

process.on('SIGTERM', () => process.exit(0))
