import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

interface Kept {
  readonly contentType: string
  readonly body: Buffer
}

/**
 * What `node:http` costs by itself: Coatcheck is compared with it. PUT keeps body and content type
 * in a Map, GET answers from it, and there is nothing else. Runs as a program of its own.
 */
const values = new Map<string, Kept>()

const server = createServer((request, response) => {
  if (request.method === 'PUT') put(request, response)
  else get(request, response)
})

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  process.stdout.write(`The bare server is listening on http://127.0.0.1:${port}\n`)
})

process.on('SIGTERM', () => process.exit(0))

function put(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const contentType = request.headers['content-type'] ?? ''
    values.set(request.url ?? '', { contentType, body: Buffer.concat(parts) })
    response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': 2 })
    response.end('{}')
  })
}

function get(request: IncomingMessage, response: ServerResponse): void {
  const kept = values.get(request.url ?? '')
  if (!kept) {
    response.writeHead(404, { 'Content-Length': 0 }).end()
    return
  }
  const { contentType, body } = kept
  response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': body.length })
  response.end(body)
}
