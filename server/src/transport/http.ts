import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { AllowedHosts } from './allowed-hosts.ts'
import type { HttpHandler, HttpReply } from './exchange.ts'
import { IdleConnections } from './idle-connections.ts'
import { hostOf, IncomingRequest } from './incoming-request.ts'
import { refuseMalformed } from './malformed.ts'
import { Outbox } from './outbox.ts'
import { listenOn, portOf } from './port.ts'
import {
  closeUnread,
  type Exchange,
  isShortReply,
  sendStreamed,
  sendWhole,
  type WholeReply,
} from './replies.ts'
import { asksForWebSocket, choosingUpgrades, type UpgradeHandler } from './upgrades.ts'

export interface HttpOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** How clients address this server; undefined: as their `Host` says. */
  readonly publicUrl?: string | undefined
  /** Undefined: requests may name any host. */
  readonly allowedHosts?: AllowedHosts | undefined
  readonly handler: HttpHandler
  readonly patience?: Patience
  /**
   * Who takes requests for a WebSocket at a path; where nobody does, they are requests like all
   * others.
   */
  upgrades?(path: string): UpgradeHandler | undefined
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
/** What is in flight when the server is told to stop gets this long. */
const stopMs = 8_000

/** `node:http` without anything between it and the doors. */
export class HttpListener {
  readonly #server: Server
  readonly #options: HttpOptions
  readonly #connections: IdleConnections
  readonly #outbox = new Outbox()
  /** Connections that speak HTTP no more. */
  readonly #upgraded = new Set<Duplex>()
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
        ...choosingUpgrades((message) => this.#takerOf(message) !== undefined),
      },
      (message, response) => this.#serve(message, response),
    )
    this.#server.on('connection', (socket) => this.#connections.watch(socket, performance.now()))
    this.#server.on('clientError', refuse)
    this.#server.on('upgrade', (message, socket, head) => this.#upgrade(message, socket, head))
    const cutOff = (): void => this.#connections.cutOff(performance.now(), isWaitedFor)
    const timer = setInterval(cutOff, checkIntervalMs).unref()
    this.#server.on('close', () => clearInterval(timer))
  }

  /** Where it listens, once it does. */
  get url(): string {
    const { host } = this.#options
    return `http://${hostOf(host)}:${portOf(this.#server)}`
  }

  /** Resolves once requests are taken. Rejects with Node's error, such as EADDRINUSE. */
  listen(): Promise<void> {
    return listenOn(this.#server, this.#options)
  }

  /**
   * Takes no more connections, finishes what is in flight, and cuts off what takes too long. Waits
   * for upgraded connections as well, which their takers end. May be called twice.
   */
  async stop(): Promise<void> {
    this.#isStopping = true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    const deadline = setTimeout(() => this.#cutOffAll(), stopMs)
    await promise
    clearTimeout(deadline)
  }

  #cutOffAll(): void {
    this.#server.closeAllConnections()
    for (const socket of this.#upgraded) socket.destroy()
  }

  #takerOf(message: IncomingMessage): UpgradeHandler | undefined {
    if (!this.#options.upgrades || !asksForWebSocket(message)) return undefined
    return this.#options.upgrades(new IncomingRequest(message, undefined).path)
  }

  #upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { [latest]: before }: BusySocket = message.socket
    // The reply to the request in front of it would come in the midst of frames.
    if (before && !before.response.writableFinished) {
      socket.destroy()
      return
    }
    this.#connections.forget(message.socket)
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
    this.#takerOf(message)?.(message, socket, head)
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = { message, response }
    const socket: BusySocket = message.socket
    socket[latest] = exchange
    try {
      const { handler, publicUrl, allowedHosts } = this.#options
      const refusal = allowedHosts?.refusalOf(message)
      const reply = refusal ?? (await handler(new IncomingRequest(message, publicUrl)))
      if (response.destroyed) await closeUnread(reply)
      else if (isShortReply(reply)) this.#outbox.add(() => this.#send(reply, exchange))
      else await this.#stream(reply, exchange)
    } catch (error) {
      this.#giveUp(error, exchange)
    }
  }

  #send(reply: WholeReply, exchange: Exchange): void {
    try {
      if (this.#isStopping) exchange.response.setHeader('Connection', 'close')
      sendWhole(reply, exchange)
    } catch (error) {
      this.#giveUp(error, exchange)
    }
  }

  async #stream(reply: HttpReply, exchange: Exchange): Promise<void> {
    const { response } = exchange
    if (this.#isStopping) response.setHeader('Connection', 'close')
    // A connection that becomes idle while the server stops is closed with those that were.
    response.once('close', () => this.#isStopping && this.#server.closeIdleConnections())
    await sendStreamed(reply, exchange)
  }

  #giveUp(error: unknown, { message, response }: Exchange): void {
    this.#options.logError(`${message.method} ${pathOf(message)} failed`, error)
    if (response.headersSent) response.destroy()
    else response.writeHead(500).end()
  }
}

/** The latest request of a connection. */
const latest = Symbol('latest')

interface BusySocket extends Socket {
  [latest]?: Exchange | undefined
}

/** The client waits for the server, and not the other way round. */
function isWaitedFor({ [latest]: exchange }: BusySocket): boolean {
  return exchange?.message.complete === true && !exchange.response.headersSent
}

function refuse(error: Error, socket: Duplex): void {
  const connection: BusySocket | undefined = socket instanceof Socket ? socket : undefined
  // What is written behind the head of a reply would be taken for its body.
  const response = connection?.[latest]?.response
  if (response?.headersSent && !response.writableFinished) socket.destroy()
  else refuseMalformed(error, socket)
}

/** Without the query, which may hold a token. */
function pathOf(message: IncomingMessage): string {
  return (message.url ?? '').split('?', 1)[0] ?? ''
}
