import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { AllowedHosts } from '../allowed-hosts.ts'
import type { UpgradesBounds, UpgradesPatience } from '../socket/socket-upgrades.ts'
import { WebSocketListener } from '../socket/websocket.ts'
import type { MessageRoom, Reply, SocketDoor, SocketSession } from '../socket-exchange.ts'

/** Short enough for tests to wait for, and long enough for a busy machine. */
const shortPatience: UpgradesPatience = {
  handshakeMs: 400,
  idleMs: 400,
  pongMs: 400,
  stallMs: 400,
  shortStallMs: 400,
  endMs: 1_500,
  checkIntervalMs: 25,
}

export const opcodes = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

interface ListenerSettings {
  readonly door: SocketDoor
  readonly maxPayloadBytes?: number
  readonly patience?: Partial<UpgradesPatience>
  readonly bounds?: UpgradesBounds
  readonly allowedHosts?: AllowedHosts
}

export interface RunningListener {
  readonly listener: WebSocketListener
  readonly url: string
  /** What was logged. */
  readonly failures: unknown[][]
}

/**
 * Starts a listener until the test is over. It has the usual patience unless some of it is given.
 */
export async function startListener(settings: ListenerSettings): Promise<RunningListener> {
  const { patience, maxPayloadBytes = 1_048_576, ...rest } = settings
  const failures: unknown[][] = []
  const listener = new WebSocketListener({
    ...rest,
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes,
    ...(patience && { patience: { ...shortPatience, idleMs: 60_000, ...patience } }),
    logError: (...failure) => void failures.push(failure),
  })
  await listener.listen()
  onTestFinished(() => listener.stop())
  return { listener, url: listener.url, failures }
}

/** A door that accepts everyone and handles every message with `receive`. */
export function doorOf(receive: SocketSession['receive']): SocketDoor {
  return { accept: () => ({ receive, close: () => undefined }) }
}

/** Answers each message with the same text. */
export const echo = doorOf((message, reply) => reply(String(message)))

/** A message to a door, which the test answers through `reply`. */
export interface Question {
  readonly message: string
  readonly reply: Reply
  readonly room: MessageRoom
}

/** A door that leaves all questions to the test, and notes how many of its sessions have ended. */
export class PatientDoor implements SocketDoor {
  readonly questions: Question[] = []
  closedCount = 0

  accept(): SocketSession {
    return {
      receive: (message, reply, room) => {
        this.questions.push({ message: String(message), reply, room })
      },
      close: () => {
        this.closedCount += 1
      },
    }
  }
}

/** An open client of `ws`, which notes the texts it gets. */
export async function openClient(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ client: WebSocket; texts: string[] }> {
  const client = new WebSocket(url, { headers })
  const texts: string[] = []
  client.on('message', (data) => texts.push(String(data)))
  onTestFinished(() => client.terminate())
  await once(client, 'open')
  return { client, texts }
}

/** How a client's connection ended. */
export async function closed(client: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = await once(client, 'close')
  return { code, reason: String(reason) }
}

export interface FrameParts {
  readonly code?: number
  readonly isFinal?: boolean
  readonly isMasked?: boolean
  /** The three bits that must be zero. */
  readonly reserved?: number
}

/** A frame as a client sends it, or one that no client should send. */
export function frame(payload: string | Uint8Array, parts: FrameParts = {}): Buffer {
  const { code = opcodes.text, isFinal = true, isMasked = true, reserved = 0 } = parts
  const data = Buffer.from(payload)
  const mask = isMasked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0)
  for (let index = 0; isMasked && index < data.length; index += 1) {
    data[index] = (data[index] ?? 0) ^ (mask[index & 3] ?? 0)
  }
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | code
  return Buffer.concat([lengthOf(first, isMasked ? 0x80 : 0, data.length), mask, data])
}

function lengthOf(first: number, maskBit: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, maskBit | length])
  const isLong = length > 0xffff
  const head = Buffer.alloc(isLong ? 10 : 4)
  head[0] = first
  head[1] = maskBit | (isLong ? 127 : 126)
  if (isLong) head.writeBigUInt64BE(BigInt(length), 2)
  else head.writeUInt16BE(length, 2)
  return head
}

/** A frame from the server. */
export interface Received {
  readonly code: number
  readonly payload: Buffer
}

/** A client that sends exactly the bytes that it is given. */
export class RawClient {
  readonly socket: Socket
  readonly #closed: Promise<unknown>
  #parts: Buffer[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    this.#closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => undefined)
    socket.on('data', (part: Buffer) => this.#parts.push(part))
  }

  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Connects and completes the handshake. */
  static async open(url: string): Promise<RawClient> {
    const client = await RawClient.connect(url)
    client.socket.write(handshake())
    const head = await client.head()
    if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(head)
    return client
  }

  write(...parts: readonly (string | Buffer)[]): void {
    for (const part of parts) this.socket.write(part)
  }

  /** The head of a reply, without the empty line behind it. */
  async head(): Promise<string> {
    while (!this.#bytes().includes('\r\n\r\n')) await once(this.socket, 'data')
    const bytes = this.#bytes()
    const end = bytes.indexOf('\r\n\r\n')
    this.#parts = [bytes.subarray(end + 4)]
    return bytes.toString('latin1', 0, end)
  }

  /** The next frame. */
  async next(): Promise<Received> {
    for (;;) {
      const found = this.#takeFrame()
      if (found) return found
      if (this.socket.closed) throw new Error('The connection is closed.')
      await Promise.race([once(this.socket, 'data'), this.#closed])
    }
  }

  async nextText(): Promise<string> {
    const { code, payload } = await this.next()
    if (code !== opcodes.text) throw new Error(`A frame of code ${code}, not a text.`)
    return payload.toString()
  }

  /** The next frame, which must be a close frame. */
  async nextClose(): Promise<{ code: number; reason: string }> {
    const { code, payload } = await this.next()
    if (code !== opcodes.close) throw new Error(`A frame of code ${code}: ${payload}`)
    return { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) }
  }

  /** The received bytes that were not read yet, once the connection is closed. */
  async rest(): Promise<string> {
    await this.#closed
    return this.#bytes().toString('latin1')
  }

  #bytes(): Buffer {
    const [only] = this.#parts
    if (only && this.#parts.length === 1) return only
    const bytes = Buffer.concat(this.#parts)
    this.#parts = [bytes]
    return bytes
  }

  #takeFrame(): Received | undefined {
    const bytes = this.#bytes()
    const mark = bytes[1]
    if (mark === undefined) return undefined
    const start = mark < 126 ? 2 : mark === 126 ? 4 : 10
    if (bytes.length < start) return undefined
    const length = start === 2 ? mark : bytes.readUIntBE(start === 4 ? 2 : 4, start === 4 ? 2 : 6)
    if (bytes.length < start + length) return undefined
    this.#parts = [bytes.subarray(start + length)]
    return { code: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(start, start + length) }
  }
}

export function handshake({
  path = '/',
  lines = [],
}: {
  path?: string
  lines?: readonly string[]
} = {}): string {
  const own = [`GET ${path} HTTP/1.1`, 'Host: localhost', ...upgradeLines, ...lines]
  return `${own.join('\r\n')}\r\n\r\n`
}

export const upgradeLines: readonly string[] = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
