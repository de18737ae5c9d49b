import type { HttpReply, HttpRequest } from '../../../src/transport/exchange.ts'
import { HttpListener } from '../../../src/transport/http/http.ts'
import { WebSocketListener } from '../../../src/transport/socket/websocket.ts'

/**
 * A program with one port: it answers each HTTP request with the request's own text, and echoes
 * WebSocket messages at one path. It runs on every supported Node.
 */
const bodyBytesMax = 1_000_000
const own = { host: '127.0.0.1', port: 0, logError: console.error }
const sockets = new WebSocketListener({
  ...own,
  maxPayloadBytes: bodyBytesMax,
  door: {
    accept: ({ path, query }) => ({
      receive: (message, reply) => reply(`${path}?${query} ${message}`),
      close: () => undefined,
    }),
  },
})
const requests = new HttpListener({
  ...own,
  handler: answer,
  upgrades: (path) => (path === '/socket' ? sockets.handleUpgrade : undefined),
})
await requests.listen()
process.stdout.write(`${requests.url}\n`)

async function answer({ method, path, body }: HttpRequest): Promise<HttpReply> {
  const text = `${method} ${path} ${Buffer.from(await body.take(bodyBytesMax))}\n`
  return { status: 200, headers: { 'Content-Length': text.length }, body: text }
}
