import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Server, type ServerOptions, WebSocketServer } from 'ws'
import { BytePool, type PoolBounds } from '../../core/kernel/bounds/byte-pool.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { AllowedHosts } from '../allowed-hosts.ts'
import { IncomingUpgrade } from '../incoming-request.ts'
import { refusalOfHead } from '../malformed.ts'
import { Outbox } from '../outbox.ts'
import type { TrustedProxies } from '../proxies/trusted-proxies.ts'
import { type TextReply, textReply } from '../refusal.ts'
import type { SocketControl, SocketDoor, SocketSession } from '../socket-exchange.ts'
import type { UpgradeHandler } from '../upgrades.ts'
import { OutputTurns } from './output-turns.ts'
import { SocketClient } from './socket-client.ts'
import { type ConnectionParts, SocketConnection, type SocketLimits } from './socket-connection.ts'
import type { SocketPatience } from './socket-vigil.ts'
import { refuseUpgrade } from './upgrade-refusal.ts'

export interface SocketUpgradesOptions {
  readonly door: SocketDoor
  /** The most bytes of a message; a longer one closes the connection with code 1009. */
  readonly maxPayloadBytes: number
  /** Undefined: handshakes may name any host. */
  readonly allowedHosts?: AllowedHosts | undefined
  /** Undefined: the client's address is the other end of the connection. */
  readonly proxies?: TrustedProxies | undefined
  readonly patience?: UpgradesPatience
  readonly bounds?: UpgradesBounds
  logError(message: string, cause: unknown): void
}

/** What all connections together may hold, and how many there may be. */
export interface UpgradesBounds {
  readonly held: PoolBounds
  readonly answersBytesMax: number
  readonly socketsMax: number
  readonly ownerSocketsMax: number
}

/** The usual bounds where so many connections of all kinds may be open. */
export function socketBoundsFor(connectionsMax: number): UpgradesBounds {
  const part = Math.min(1, connectionsMax / limits.connectionsMax)
  return {
    held: { bytesMax: limits.socketsHeldBytesMax, ownerBytesMax: limits.socketsHeldBytesOwnerMax },
    answersBytesMax: limits.socketAnswersBytesMax,
    socketsMax: Math.ceil(limits.socketsMax * part),
    ownerSocketsMax: Math.ceil(limits.socketsOwnerMax * part),
  }
}

export interface UpgradesPatience extends SocketPatience {
  /** A handshake that takes longer is cut off. */
  readonly handshakeMs: number
  /** How often connections are checked. */
  readonly checkIntervalMs: number
}

export const usualPatience: UpgradesPatience = {
  handshakeMs: limits.socketHandshakeMsMax,
  idleMs: limits.socketIdleMsMax,
  pongMs: limits.socketPongMsMax,
  stallMs: limits.socketStallMsMax,
  shortStallMs: limits.shortStallMsMax,
  endMs: limits.socketEndMsMax,
  checkIntervalMs: limits.socketCheckIntervalMs,
}

const goingAway = 1001
const stopReason = 'The server is stopping.'
const crowdedReason = 'There are too many connections. Try again later.'

interface Handshake {
  readonly message: IncomingMessage
  readonly socket: Socket
  /** Bytes that the client already sent behind its request. */
  readonly head: Buffer
}

/** Turns connections that an HTTP server hands over into WebSockets, and watches them. */
export class SocketUpgrades {
  readonly #options: SocketUpgradesOptions
  readonly #patience: UpgradesPatience
  readonly #server: Server<typeof SocketClient>
  /** What all connections share. */
  readonly #common: Omit<ConnectionParts, 'client' | 'socket' | 'session'>
  /** Handshakes that the door has not decided yet, and since when. */
  readonly #handshakes = new Map<Socket, number>()
  readonly #connections = new Set<SocketConnection>()
  readonly #bounds: UpgradesBounds
  readonly #pool: BytePool
  /** How many connections each owner has. */
  readonly #owners = new Map<string, number>()
  readonly #timer: NodeJS.Timeout
  readonly #emptied = Promise.withResolvers<void>()
  #stopping: Promise<void> | undefined

  constructor(options: SocketUpgradesOptions) {
    const patience = options.patience ?? usualPatience
    this.#options = options
    this.#patience = patience
    this.#server = new WebSocketServer(settingsOf(options.maxPayloadBytes))
    this.#bounds = options.bounds ?? socketBoundsFor(limits.connectionsMax)
    this.#pool = new BytePool(this.#bounds.held)
    this.#common = {
      limits: limitsOf(options, this.#bounds),
      pool: this.#pool,
      patience,
      outbox: new Outbox(),
      turns: new OutputTurns(),
      logError: (message, cause) => options.logError(message, cause),
    }
    this.#timer = setInterval(() => this.#check(), patience.checkIntervalMs).unref()
  }

  /**
   * A listener for `upgrade` of a `node:http` server, for requests that ask for a WebSocket only.
   */
  readonly handleUpgrade: UpgradeHandler = (message, socket, head) => {
    socket.on('error', destroyIt)
    // Node passes something else than a Socket while a body is still to come.
    if (socket instanceof Socket) this.#handshake({ message, socket, head })
    else socket.destroy()
  }

  /**
   * Accepts nothing any more, sends pending answers, closes all connections, and cuts off those
   * that take too long. May be called twice.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer)
    for (const connection of this.#connections) connection.closeSoon(goingAway, stopReason)
    const deadline = setTimeout(() => this.#cutOffAll(), this.#patience.endMs)
    if (!this.#isEmpty()) await this.#emptied.promise
    clearTimeout(deadline)
  }

  #cutOffAll(): void {
    for (const socket of this.#handshakes.keys()) socket.destroy()
    for (const connection of this.#connections) connection.terminate()
    // A door that never decides must not delay the stop.
    this.#emptied.resolve()
  }

  #check(): void {
    const now = performance.now()
    for (const [socket, since] of this.#handshakes) {
      if (now - since < this.#patience.handshakeMs) continue
      this.#handshakes.delete(socket)
      socket.destroy()
    }
    for (const connection of this.#connections) connection.check(now)
    if (this.#pool.isOverrun) this.#relieve()
  }

  /** Cuts off the connections that hold most until the others have room. */
  #relieve(): void {
    const byHeld = [...this.#connections].sort((one, other) => other.heldBytes - one.heldBytes)
    for (const connection of byHeld) {
      if (!this.#pool.isOverrun) return
      connection.cutOff()
    }
  }

  async #handshake(handshake: Handshake): Promise<void> {
    const { message, socket } = handshake
    this.#handshakes.set(socket, performance.now())
    try {
      const control = new Control()
      const outcome = this.#refusalOf(message) ?? (await this.#ask(message, control))
      if ('receive' in outcome) this.#open(outcome, { ...handshake, control })
      else refuseUpgrade(socket, outcome)
    } catch (error) {
      this.#options.logError('A WebSocket could not be opened', error)
      refuseUpgrade(socket, textReply(500, 'The server failed.'))
    } finally {
      this.#handshakes.delete(socket)
      this.#noteGone()
    }
  }

  #refusalOf(message: IncomingMessage): TextReply | undefined {
    if (this.#stopping) return textReply(503, stopReason)
    const count = this.#connections.size + this.#handshakes.size
    if (count > this.#bounds.socketsMax) return crowded()
    const refusal = refusalOfHead(message) ?? this.#options.allowedHosts?.refusalOf(message)
    return refusal && textReply(refusal.status, refusal.message)
  }

  async #ask(message: IncomingMessage, control: Control): Promise<SocketSession | TextReply> {
    const request = new IncomingUpgrade(message, undefined, this.#options.proxies)
    const accepted = await this.#options.door.accept(request, control)
    if (!('receive' in accepted)) {
      return textReply(accepted.status, accepted.message, accepted.headers)
    }
    const refusal = this.#lateRefusalOf(accepted)
    if (!refusal) return accepted
    accepted.close()
    return refusal
  }

  #lateRefusalOf({ owner = '' }: SocketSession): TextReply | undefined {
    if (this.#stopping) return textReply(503, stopReason)
    const count = this.#owners.get(owner) ?? 0
    return count >= this.#bounds.ownerSocketsMax ? crowded() : undefined
  }

  #open(
    session: SocketSession,
    { message, socket, head, control }: Handshake & { control: Control },
  ): void {
    let isOpen = false
    this.#server.handleUpgrade(message, socket, head, (client) => {
      isOpen = true
      const parts = { ...this.#common, client, socket, session }
      const connection = new SocketConnection(parts, performance.now())
      this.#connections.add(connection)
      this.#countOwner(session, 1)
      client.once('close', () => {
        this.#connections.delete(connection)
        this.#countOwner(session, -1)
        this.#noteGone()
      })
      control.attach(connection)
    })
    // The client has gone, or `ws` refused its handshake.
    if (!isOpen) session.close()
  }

  #countOwner({ owner = '' }: SocketSession, change: 1 | -1): void {
    const count = (this.#owners.get(owner) ?? 0) + change
    if (count > 0) this.#owners.set(owner, count)
    else this.#owners.delete(owner)
  }

  #noteGone(): void {
    if (this.#stopping && this.#isEmpty()) this.#emptied.resolve()
  }

  #isEmpty(): boolean {
    return this.#connections.size === 0 && this.#handshakes.size === 0
  }
}

/** The control that a door gets before there is a connection. */
class Control implements SocketControl {
  #connection: SocketConnection | undefined
  #early: { code: number; reason: string } | undefined

  close(code: number, reason: string): void {
    if (this.#connection) this.#connection.closeNow(code, reason)
    else this.#early = { code, reason }
  }

  async push(texts: readonly string[]): Promise<void> {
    await this.#connection?.push(texts)
  }

  attach(connection: SocketConnection): void {
    this.#connection = connection
    if (this.#early) connection.closeNow(this.#early.code, this.#early.reason)
  }
}

function settingsOf(maxPayloadBytes: number): ServerOptions<typeof SocketClient> {
  return {
    noServer: true,
    WebSocket: SocketClient,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: maxPayloadBytes,
    maxFragments: limits.socketMessagePiecesMax,
    maxBufferedChunks: Math.max(
      limits.socketMessagePiecesMax,
      Math.ceil(maxPayloadBytes / limits.socketPieceBytesMin),
    ),
  }
}

function crowded(): TextReply {
  return textReply(503, crowdedReason, { 'Retry-After': '10' })
}

function limitsOf(
  { maxPayloadBytes }: SocketUpgradesOptions,
  { answersBytesMax }: UpgradesBounds,
): SocketLimits {
  return {
    maxPayloadBytes,
    answersBytesMax,
    unansweredMax: limits.socketUnansweredMax,
    unansweredBytesMax: limits.socketUnansweredBytesMax,
    backlogBytesMax: limits.socketBacklogBytesMax,
  }
}

function destroyIt(this: Duplex): void {
  this.destroy()
}
