import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { addressGroup } from '../../core/kernel/bounds/address-group.ts'
import { BytePool } from '../../core/kernel/bounds/byte-pool.ts'
import { limits } from '../../core/kernel/limits.ts'
import { AllowedHosts } from '../allowed-hosts.ts'
import { BodyHold } from '../bounds/body-hold.ts'
import { type HttpBounds, usualHttpBounds } from '../bounds/http-bounds.ts'
import { type Activity, IdleConnections } from '../bounds/idle-connections.ts'
import { OpenConnections } from '../bounds/open-connections.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../exchange.ts'
import {
  hostOf,
  IncomingRequest,
  peerOf,
  type RequestMessage,
  WholeRequest,
} from '../incoming-request.ts'
import { refusalOfHead, refuseMalformed, waitsToSend } from '../malformed.ts'
import { Outbox } from '../outbox.ts'
import { listenOn, localAddressOf, portOf } from '../port.ts'
import type { TrustedProxies } from '../proxies/trusted-proxies.ts'
import { failed, noRoom, type Refusal, type RefusedRequest, refusalReply } from '../refusal.ts'
import {
  closeUnread,
  type Exchange,
  isShortReply,
  sendStreamed,
  sendWhole,
  type WholeReply,
} from '../replies.ts'
import { ReplyHead } from '../reply-head.ts'
import { asksForWebSocket, choosingUpgrades, type UpgradeHandler } from '../upgrades.ts'
import { DirectConnection, type DirectMessage, type DirectParts } from './direct-connection.ts'
import { passOn, taking } from './hand-over.ts'
import { OpenReplies } from './open-replies.ts'
import { idlePatienceOf, type Patience, usualPatience } from './patience.ts'
import { ReplyRoom, type Taker } from './reply-room.ts'
import { RequestTurns } from './request-turns.ts'

export interface HttpOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** The URL by which clients address this server; undefined: as their `Host` says. */
  readonly publicUrl?: string | undefined
  /** Undefined: requests may name any host. */
  readonly allowedHosts?: AllowedHosts | undefined
  /** Undefined: the client's address is the other end of the connection. */
  readonly proxies?: TrustedProxies | undefined
  readonly handler: HttpHandler
  /**
   * The short reply to a request that the transport refuses, in the form of the door at its path;
   * undefined: the form of Apify's API.
   */
  readonly refusalReply?: (request: RefusedRequest, refusal: Refusal) => HttpReply
  readonly patience?: Patience
  readonly bounds?: HttpBounds
  /** The connections of all ports; undefined: there is no other port. */
  readonly connections?: OpenConnections
  /** The handler of requests for a WebSocket at a path; undefined: they are ordinary requests. */
  upgrades?(path: string): UpgradeHandler | undefined
  logError(message: string, cause: unknown): void
}

/**
 * `node:http` with nothing between it and the doors. In front of it, `DirectConnection` serves
 * requests that are plain and arrive in one piece.
 */
export class HttpListener {
  readonly #server: Server
  readonly #options: HttpOptions
  readonly #hosts: AllowedHosts
  readonly #connections: OpenConnections
  readonly #idle: IdleConnections
  readonly #bodies: BytePool
  readonly #replies: ReplyRoom
  readonly #openReplies = new OpenReplies()
  /** The room of the body of each request that is served. */
  readonly #holds = new WeakMap<IncomingMessage, BodyHold>()
  readonly #outbox = new Outbox()
  readonly #direct = new Map<Socket, DirectConnection>()
  readonly #directParts: DirectParts
  /** The replies to requests that no door sees. */
  readonly #refused = new WeakSet<ServerResponse>()
  /** Connections that no longer speak HTTP. */
  readonly #upgraded = new Set<Duplex>()
  #isStopping = false

  constructor(options: HttpOptions) {
    const patience = options.patience ?? usualPatience
    const { headersMs, checkIntervalMs } = patience
    const bounds = options.bounds ?? usualHttpBounds
    this.#options = options
    this.#hosts =
      options.allowedHosts ?? new AllowedHosts({ names: undefined, takesLoopback: true })
    this.#bodies = new BytePool(bounds.bodies)
    this.#replies = new ReplyRoom(new BytePool(bounds.replies))
    this.#idle = new IdleConnections(idlePatienceOf(patience))
    this.#connections = options.connections ?? new OpenConnections(options)
    this.#connections.addPort(() => this.#idle.idlest(this.#activityOf))
    this.#server = createServer(
      {
        headersTimeout: headersMs,
        // An upload may take any time, as long as bytes arrive.
        requestTimeout: 0,
        keepAliveTimeout: 0,
        connectionsCheckingInterval: checkIntervalMs,
        noDelay: true,
        requireHostHeader: false, // `refusalOfHead` answers instead
        ...choosingUpgrades((message) => this.#upgraderOf(message) !== undefined),
      },
      (message, response) => this.#turnsOf(message.socket).add({ message, response }),
    )
    // Replies also go to a client that has ended its side, as by `DirectConnection`.
    Object.assign(this.#server, { httpAllowHalfOpen: true })
    for (const event of ['checkContinue', 'checkExpectation']) {
      this.#server.on(event, (message, response) => {
        this.#turnsOf(message.socket).add({ message, response })
      })
    }
    this.#directParts = this.#makeDirectParts(taking(this.#server))
    this.#server.on('connection', (socket) => this.#connect(socket))
    this.#server.on('clientError', (error, socket) => this.#refuse(error, socket))
    this.#server.on('upgrade', (message, socket, head) => this.#upgrade(message, socket, head))
    const timer = setInterval(() => this.#check(), checkIntervalMs).unref()
    this.#server.on('close', () => clearInterval(timer))
  }

  /** The URL that it listens on, once it listens. */
  get url(): string {
    const { host } = this.#options
    return `http://${hostOf(host)}:${portOf(this.#server)}`
  }

  /** The URL by which programs on this machine reach it, whatever its public URL is. */
  get localUrl(): string {
    return `http://${hostOf(localAddressOf(this.address))}:${portOf(this.#server)}`
  }

  /** The IP address that it listens on, once it listens. */
  get address(): string {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.address : ''
  }

  /** Resolves once it accepts requests. Rejects with Node's error, such as EADDRINUSE. */
  listen(): Promise<void> {
    return listenOn(this.#server, this.#options)
  }

  /**
   * Accepts no more connections, finishes requests in flight, and cuts off those that take too
   * long. Also waits for upgraded connections, which their handlers end. May be called twice.
   */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#openReplies.stop()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    for (const connection of this.#direct.values()) connection.stop()
    const deadline = setTimeout(() => this.#cutOffAll(), limits.httpStopMsMax)
    await promise
    clearTimeout(deadline)
  }

  #cutOffAll(): void {
    this.#server.closeAllConnections()
    for (const socket of [...this.#upgraded, ...this.#direct.keys()]) socket.destroy()
  }

  #makeDirectParts(takeOver: (socket: Socket) => void): DirectParts {
    return {
      replyHead: new ReplyHead(),
      isStopping: () => this.#isStopping,
      later: (send) => this.#outbox.add(send),
      answer: (message) => this.#answerDirect(message),
      handOver: (socket, rest) => {
        this.#direct.delete(socket)
        takeOver(socket)
        passOn(socket, rest)
      },
      takeRoom: (reply, message) => this.#takeRoom(reply, message),
      holdUnsent: (message) => this.#holdUnsent(message),
      refusalReply: (message, refusal) =>
        this.#refusalReply(new WholeRequest(message, message.body, {}), refusal),
      logFailure: (message, error) => this.#logFailure(message, error),
    }
  }

  #check(): void {
    const { isCrowded } = this.#connections
    this.#idle.cutOff(performance.now(), this.#activityOf, (socket) => {
      return isCrowded || this.#isShortFor(socket)
    })
  }

  #isShortFor(socket: BusySocket): boolean {
    if (this.#replies.isShortFor(socket)) return true
    const message = socket[turns]?.current?.message
    return message !== undefined && this.#holds.get(message)?.isShort === true
  }

  #takerOf(message: Connected): Taker {
    const owner = addressGroup(peerOf(message, this.#options.proxies))
    return { socket: message.socket, owner }
  }

  #takeRoom(reply: HttpReply, message: Connected): (() => void) | undefined {
    const giveBack = this.#replies.take(reply, this.#takerOf(message))
    return giveBack && this.#openReplies.watch(reply, message.socket, giveBack)
  }

  /** Counts a short reply only if the system has not taken it at once. */
  #holdUnsent(message: Connected): void {
    const { writableLength, writableNeedDrain } = message.socket
    if (writableNeedDrain && writableLength > 0) this.#replies.holdUnsent(this.#takerOf(message))
  }

  #connect(socket: Socket): void {
    if (!this.#connections.admit(socket)) return
    this.#idle.watch(socket, performance.now())
    this.#direct.set(socket, new DirectConnection(socket, this.#directParts))
    socket.once('close', () => this.#direct.delete(socket))
  }

  readonly #activityOf = (socket: Socket): Activity => {
    if (this.#openReplies.has(socket)) return 'listens'
    const direct = this.#direct.get(socket)
    if (direct?.isWaitedFor) return 'waits'
    if (direct) return direct.isSending ? 'transfers' : 'idles'
    const { [turns]: served }: BusySocket = socket
    return served?.current ? this.#activityIn(served.current) : 'idles'
  }

  #activityIn({ message, response }: Exchange): Activity {
    if (!message.complete) return this.#holds.get(message)?.isWaiting ? 'waits' : 'transfers'
    if (!response.headersSent) return 'waits'
    return response.writableFinished ? 'idles' : 'transfers'
  }

  #answerDirect(message: DirectMessage): Promise<HttpReply> {
    return this.#answer(message, new WholeRequest(message, message.body, this.#options))
  }

  async #answer(message: RequestMessage, request: HttpRequest): Promise<HttpReply> {
    const refusal = this.#hosts.refusalOf(message)
    return refusal ? this.#refusalReply(request, refusal) : this.#options.handler(request)
  }

  #refusalReply(request: RefusedRequest, refusal: Refusal): WholeReply {
    const reply = this.#options.refusalReply?.(request, refusal)
    return reply && isShortReply(reply) ? reply : refusalReply(refusal)
  }

  #refusalFor(message: IncomingMessage, refusal: Refusal): WholeReply {
    return this.#refusalReply(new IncomingRequest(message, undefined), refusal)
  }

  #upgraderOf(message: IncomingMessage): UpgradeHandler | undefined {
    if (!this.#options.upgrades || !asksForWebSocket(message)) return undefined
    return this.#options.upgrades(new IncomingRequest(message, undefined).path)
  }

  #upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { [turns]: before }: BusySocket = message.socket
    // The reply to the request before it would come in the middle of WebSocket frames.
    if (before?.current) {
      socket.destroy()
      return
    }
    this.#idle.forget(message.socket)
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
    this.#upgraderOf(message)?.(message, socket, head)
  }

  #turnsOf(socket: BusySocket): RequestTurns {
    socket[turns] ??= new RequestTurns(socket, (exchange) => void this.#serve(exchange))
    return socket[turns]
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { message, response } = exchange
    const refusal = refusalOfHead(message)
    if (refusal) {
      this.#refused.add(response)
      const reply = this.#refusalFor(message, refusal)
      reply.headers.Connection = 'close'
      sendWhole(reply, exchange)
      return
    }
    const { publicUrl, proxies } = this.#options
    const askForBody = waitsToSend(message) ? () => response.writeContinue() : undefined
    const request = new IncomingRequest(message, publicUrl, proxies, askForBody)
    const hold = new BodyHold(this.#bodies, addressGroup(request.peer))
    this.#holds.set(message, hold)
    request.holdBodyIn(hold)
    try {
      const reply = await this.#answer(message, request)
      if (response.destroyed) await closeUnread(reply)
      else if (isShortReply(reply)) this.#outbox.add(() => this.#send(reply, exchange))
      else await this.#stream(reply, exchange)
    } catch (error) {
      this.#giveUp(error, exchange)
    } finally {
      hold.release()
    }
  }

  /** Refuses bytes that are no request, after the replies to the requests before them. */
  #refuse(error: Error & { code?: string }, socket: Duplex): void {
    const connection: BusySocket | undefined = socket instanceof Socket ? socket : undefined
    const served = connection?.[turns]
    if (!served || error.code === 'ECONNRESET') {
      refuseMalformed(error, socket)
      return
    }
    // Bytes behind a request that asked to close the connection (RFC 9112, 9.6).
    if (error.code === 'HPE_CLOSED_CONNECTION' && served.current) return
    served.endWith((unbegun) => {
      const response = served.current?.response
      // The reply is written, and only its end waits for the body, which will not come.
      if (response && this.#refused.has(response)) response.end()
      // Bytes behind the head of an unfinished reply would be taken for its body.
      else if (response?.headersSent && !response.writableFinished) socket.destroy()
      else if (unbegun && refusalOfHead(unbegun.message)) this.#refuseAtOnce(unbegun)
      else refuseMalformed(error, socket)
    })
  }

  /** Refuses a request by its head, which says more than that the bytes behind it are malformed. */
  #refuseAtOnce(exchange: Exchange): void {
    void this.#serve(exchange)
    exchange.response.end() // its body will not come
  }

  #send(reply: WholeReply, exchange: Exchange): void {
    try {
      if (this.#isStopping) exchange.response.setHeader('Connection', 'close')
      sendWhole(reply, exchange)
      this.#holdUnsent(exchange.message)
    } catch (error) {
      this.#giveUp(error, exchange)
    }
  }

  async #stream(reply: HttpReply, exchange: Exchange): Promise<void> {
    const { message } = exchange
    const giveBack = this.#takeRoom(reply, message)
    try {
      if (giveBack) await this.#streamNow(reply, exchange)
      else await closeUnread(reply)
    } finally {
      giveBack?.()
    }
    if (giveBack) {
      this.#holdUnsent(message)
      return
    }
    const refusal = this.#refusalFor(message, noRoom)
    this.#outbox.add(() => this.#send(refusal, exchange))
  }

  async #streamNow(reply: HttpReply, exchange: Exchange): Promise<void> {
    const { response } = exchange
    if (this.#isStopping) response.setHeader('Connection', 'close')
    // A connection that becomes idle while the server stops is closed too.
    response.once('close', () => this.#isStopping && this.#server.closeIdleConnections())
    await sendStreamed(reply, exchange)
  }

  #logFailure({ method, url }: RequestMessage, error: unknown): void {
    this.#options.logError(`${method} ${pathOf(url)} failed`, error)
  }

  #giveUp(error: unknown, { message, response }: Exchange): void {
    this.#logFailure(message, error)
    if (response.headersSent) response.destroy()
    else sendWhole(this.#refusalFor(message, failed), { message, response })
  }
}

type Connected = RequestMessage & { readonly socket: Socket }

/** The requests of a connection that `node:http` reads. */
const turns = Symbol('turns')

interface BusySocket extends Socket {
  [turns]?: RequestTurns | undefined
}

/** Without the query, which may hold a token. */
function pathOf(url = ''): string {
  return url.split('?', 1)[0] ?? ''
}
