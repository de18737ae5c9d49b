import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Idle } from '../bounds/idle-connections.ts'
import { OpenConnections } from '../bounds/open-connections.ts'
import { hostOf } from '../incoming-request.ts'
import { refuseMalformed } from '../malformed.ts'
import { listenOn, portOf } from '../port.ts'
import { textReply } from '../refusal.ts'
import { sendWhole } from '../replies.ts'
import { asksForWebSocket, choosingUpgrades, type UpgradeHandler } from '../upgrades.ts'
import {
  SocketUpgrades,
  type SocketUpgradesOptions,
  socketBoundsFor,
  usualPatience,
} from './socket-upgrades.ts'

export interface WebSocketOptions extends SocketUpgradesOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** The connections of all ports; undefined: there is no other port. */
  readonly connections?: OpenConnections
}

/** A port that speaks WebSocket alone, at any path. */
export class WebSocketListener {
  readonly #options: WebSocketOptions
  readonly #server: Server
  readonly #upgrades: SocketUpgrades
  readonly #connections: OpenConnections
  /** Connections before their handshake, and since when: the oldest first. */
  readonly #early = new Map<Socket, number>()

  constructor(options: WebSocketOptions) {
    const { handshakeMs, checkIntervalMs } = options.patience ?? usualPatience
    const connections = options.connections ?? new OpenConnections(options)
    this.#options = options
    this.#connections = connections
    connections.addPort(() => this.#idlest())
    const bounds = options.bounds ?? socketBoundsFor(connections.max)
    this.#upgrades = new SocketUpgrades({ ...options, bounds })
    this.#server = createServer(
      {
        ...choosingUpgrades(asksForWebSocket),
        requestTimeout: handshakeMs,
        connectionsCheckingInterval: checkIntervalMs,
        noDelay: true,
      },
      (message, response) => this.#refuse(message, response),
    )
    this.#server.on('connection', (socket) => this.#connect(socket))
    this.#server.on('clientError', refuseMalformed)
    this.#server.on('upgrade', (message, socket, head) => {
      this.#early.delete(message.socket)
      this.handleUpgrade(message, socket, head)
    })
  }

  /** The URL that it listens on, once it listens. */
  get url(): string {
    return `ws://${hostOf(this.#options.host)}:${portOf(this.#server)}`
  }

  /** Takes a connection of another port. For that, this listener need not listen itself. */
  get handleUpgrade(): UpgradeHandler {
    return this.#upgrades.handleUpgrade
  }

  /** Resolves once it accepts connections. Rejects with Node's error, such as EADDRINUSE. */
  listen(): Promise<void> {
    return listenOn(this.#server, this.#options)
  }

  /**
   * Accepts no more connections, sends pending answers, closes all connections, also those of
   * another port, and cuts off those that take too long. May be called twice.
   */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    await this.#upgrades.stop()
    this.#server.closeAllConnections()
    await promise
  }

  #connect(socket: Socket): void {
    if (!this.#connections.admit(socket)) return
    this.#early.set(socket, performance.now())
    socket.once('close', () => this.#early.delete(socket))
  }

  #idlest(): Idle | undefined {
    for (const [socket, at] of this.#early) if (!socket.destroyed) return { socket, at }
    return undefined
  }

  #refuse(message: IncomingMessage, response: ServerResponse): void {
    const sentence = 'This port speaks WebSocket: connect with a WebSocket client.'
    const headers = { Upgrade: 'websocket', Connection: 'Upgrade, close' }
    const refusal = this.#options.allowedHosts?.refusalOf(message)
    const reply = refusal
      ? textReply(refusal.status, refusal.message)
      : textReply(426, sentence, headers)
    sendWhole(reply, { message, response })
  }
}
