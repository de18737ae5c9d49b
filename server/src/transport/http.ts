import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Bytes } from '../core/engine.ts'
import type { HttpHandler, HttpReply, HttpRequest, RequestBody } from './exchange.ts'
import { IdleConnections } from './idle-connections.ts'
import { IncomingBody } from './incoming-body.ts'
import { Outbox } from './outbox.ts'

export interface HttpOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** How clients address this server; undefined: as their `Host` says. */
  readonly publicUrl?: string | undefined
  readonly handler: HttpHandler
  readonly patience?: Patience
  logError(message: string, cause: unknown): void
}

/** How long a client is waited for. */
export interface Patience {
  /** One on whose connection nothing moves for this long is cut off. */
  readonly stallMs: number
  /** One whose headers are not all there by then. */
  readonly headersMs: number
  /** How often connections are looked at for that. */
  readonly checkIntervalMs: number
}

const usualPatience: Patience = { stallMs: 65_000, headersMs: 10_000, checkIntervalMs: 2_000 }
/** After the reply to a body that nobody wanted: how long the client may go on sending. */
const lingerMs = 2_000
/** What is in flight when the server is told to stop gets this long. */
const stopMs = 8_000

interface Exchange {
  readonly message: IncomingMessage
  readonly response: ServerResponse
}

/** `node:http` without anything between it and the doors. */
export class HttpListener {
  readonly #server: Server
  readonly #options: HttpOptions
  readonly #connections: IdleConnections
  readonly #outbox = new Outbox()
  #isStopping = false

  constructor(options: HttpOptions) {
    const { stallMs, headersMs, checkIntervalMs } = options.patience ?? usualPatience
    this.#options = options
    this.#connections = new IdleConnections(stallMs)
    this.#server = createServer(
      {
        headersTimeout: headersMs,
        // An upload may take as long as it moves.
        requestTimeout: 0,
        keepAliveTimeout: 0,
        connectionsCheckingInterval: checkIntervalMs,
        noDelay: true,
      },
      (message, response) => this.#serve(message, response),
    )
    this.#server.on('connection', (socket) => this.#connections.watch(socket, performance.now()))
    this.#server.on('clientError', refuseMalformed)
    const cutOff = (): void => this.#connections.cutOff(performance.now())
    const timer = setInterval(cutOff, checkIntervalMs).unref()
    this.#server.on('close', () => clearInterval(timer))
  }

  /** Where it listens, once it does. */
  get url(): string {
    const { host } = this.#options
    return `http://${host.includes(':') ? `[${host}]` : host}:${portOf(this.#server.address())}`
  }

  /** Resolves once requests are taken. Rejects with Node's error, such as EADDRINUSE. */
  listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(this.#options.port, this.#options.host, () => {
      this.#server.off('error', reject)
      resolve()
    })
    return promise
  }

  /**
   * Takes no more connections, finishes what is in flight, and cuts off what takes too long. May be
   * called twice.
   */
  async stop(): Promise<void> {
    this.#isStopping = true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    const deadline = setTimeout(() => this.#server.closeAllConnections(), stopMs)
    await promise
    clearTimeout(deadline)
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { handler, publicUrl } = this.#options
      const reply = await handler(new IncomingRequest(message, publicUrl))
      if (response.destroyed) {
        await closeUnread(reply.body)
        return
      }
      if (this.#isStopping) response.setHeader('Connection', 'close')
      if (!message.complete) lingerAfter(message, response)
      await this.#send(reply, { message, response })
    } catch (error) {
      this.#giveUp(error, { message, response })
    }
  }

  #send(reply: HttpReply, exchange: Exchange): Promise<void> | undefined {
    const { status, headers, body } = reply
    const { response } = exchange
    if (isStreamed(body)) return stream({ status, headers, body }, response)
    this.#outbox.add(() => {
      try {
        response.writeHead(status, headers).end(body)
      } catch (error) {
        this.#giveUp(error, exchange)
      }
    })
    return undefined
  }

  #giveUp(error: unknown, { message, response }: Exchange): void {
    this.#options.logError(`${message.method} ${pathOf(message)} failed`, error)
    if (response.headersSent) response.destroy()
    else response.writeHead(500).end()
  }
}

/** What most requests never ask for is made when it is asked for. */
class IncomingRequest implements HttpRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly #message: IncomingMessage
  readonly #publicUrl: string | undefined
  #body: IncomingBody | undefined

  constructor(message: IncomingMessage, publicUrl: string | undefined) {
    const url = message.url ?? '/'
    const mark = url.indexOf('?')
    this.method = message.method ?? 'GET'
    this.path = mark < 0 ? url : url.slice(0, mark)
    this.query = mark < 0 ? '' : url.slice(mark + 1)
    this.#message = message
    this.#publicUrl = publicUrl
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  get baseUrl(): string {
    if (this.#publicUrl !== undefined) return this.#publicUrl
    const { headers, socket } = this.#message
    return `http://${headers.host ?? `${socket.localAddress}:${socket.localPort}`}`
  }

  get body(): RequestBody {
    this.#body ??= new IncomingBody(this.#message)
    return this.#body
  }
}

async function stream(
  { status, headers, body }: HttpReply & { body: AsyncIterable<Bytes> },
  response: ServerResponse,
): Promise<void> {
  response.writeHead(status, headers)
  for await (const part of body) {
    if (response.destroyed) return
    if (!response.write(part)) await drained(response)
  }
  response.end()
}

function isStreamed(body: HttpReply['body']): body is AsyncIterable<Bytes> {
  return typeof body !== 'string' && !(body instanceof Uint8Array)
}

function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = (): void => {
    response.off('drain', done)
    response.off('close', done)
    resolve()
  }
  response.on('drain', done)
  response.on('close', done)
  return promise
}

async function closeUnread(body: HttpReply['body']): Promise<void> {
  if (isStreamed(body)) await body[Symbol.asyncIterator]().return?.()
}

/**
 * The reply comes before the end of the body: an upload that is refused. The client may still be
 * sending and would miss the reply if the connection just closed, so it gets a moment.
 */
function lingerAfter(message: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Connection', 'close')
  response.once('finish', () => {
    message.resume()
    setTimeout(() => message.complete || message.destroy(), lingerMs).unref()
  })
}

/**
 * What is no HTTP, or too slow or too large to be a request: Node has no response object for it.
 */
function refuseMalformed(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const { status, type, message } = malformed(error.code)
  const body = JSON.stringify({ error: { type, message } })
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function malformed(code: string | undefined): { status: string; type: string; message: string } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = 'The headers of the request are too large.'
    return { status: '431 Request Header Fields Too Large', type: 'invalid-request', message }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = 'The request took too long to arrive.'
    return { status: '408 Request Timeout', type: 'invalid-request', message }
  }
  const message = 'The request is not well-formed HTTP.'
  return { status: '400 Bad Request', type: 'invalid-request', message }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address ? address.port : 0
}

/** Without the query, which may hold a token. */
function pathOf(message: IncomingMessage): string {
  return (message.url ?? '').split('?', 1)[0] ?? ''
}
