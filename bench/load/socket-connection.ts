import { connect, type Socket } from 'node:net'
import { FrameReader } from './frame-reader.ts'
import type { SocketPlan } from './plan.ts'

const receiveBytes = 65_536
const headEnd = '\r\n\r\n'

/** Frames in one buffer, so that any number of them is one write. */
export interface FrameRow {
  readonly bytes: Buffer
  /** Where each begins, and where the last one ends. */
  readonly offsets: readonly number[]
}

/** One WebSocket with a fixed number of messages in flight. */
export class SocketConnection {
  readonly #socket: Socket
  readonly #plan: SocketPlan
  readonly #row: FrameRow
  readonly #reader: FrameReader
  readonly #opened = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  /** When each message in flight was sent, the oldest at `#replies` (modulo `depth`). */
  readonly #sentAt: Float64Array
  #head: string | undefined = ''
  #next: number
  #sent = 0
  #replies = 0
  #endsAt = 0
  #noteLatency: (ms: number) => void = () => undefined

  private constructor(plan: SocketPlan, { row, first }: { row: FrameRow; first: number }) {
    this.#plan = plan
    this.#row = row
    this.#next = first
    this.#reader = new FrameReader(plan.replyStart)
    this.#sentAt = new Float64Array(plan.depth)
    this.#socket = connect({
      host: '127.0.0.1',
      port: plan.port,
      noDelay: true,
      // Reads straight into one buffer: streams would take more time.
      onread: {
        buffer: Buffer.allocUnsafe(receiveBytes),
        callback: (count, bytes) => this.#take(Buffer.from(bytes.buffer, bytes.byteOffset, count)),
      },
    })
    this.#socket.on('connect', () => this.#socket.write(handshake(plan)))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('end', () => this.#fail(new Error('The server closed a connection.')))
    this.#ended.promise.catch(() => undefined)
  }

  /** `first` is the index of the first message to send. */
  static async open(
    plan: SocketPlan,
    start: { row: FrameRow; first: number },
  ): Promise<SocketConnection> {
    const connection = new SocketConnection(plan, start)
    await connection.#opened.promise
    return connection
  }

  /** Sends until `endsAt`. Rejects at the first reply that is not as expected. */
  run({
    endsAt,
    noteLatency,
  }: {
    endsAt: number
    noteLatency: (ms: number) => void
  }): Promise<void> {
    this.#endsAt = endsAt
    this.#noteLatency = noteLatency
    this.#send(this.#plan.depth, performance.now())
    return this.#ended.promise
  }

  #take(bytes: Buffer): boolean {
    try {
      if (this.#head === undefined) this.#receive(bytes)
      else this.#receiveHead(bytes)
    } catch (error) {
      this.#fail(error)
    }
    return true
  }

  #receiveHead(bytes: Buffer): void {
    this.#head += bytes.toString('latin1')
    if (!this.#head?.endsWith(headEnd)) return
    if (!this.#head.startsWith('HTTP/1.1 101 ')) throw new Error(`No WebSocket: ${this.#head}`)
    this.#head = undefined
    this.#opened.resolve()
  }

  #receive(bytes: Buffer): void {
    const count = this.#reader.count(bytes)
    if (count === 0) return
    const now = performance.now()
    for (let index = 0; index < count; index += 1) {
      this.#noteLatency(now - (this.#sentAt[this.#replies % this.#plan.depth] ?? 0))
      this.#replies += 1
    }
    if (this.#replies > this.#sent) throw new Error('There are more replies than messages.')
    if (now < this.#endsAt) this.#send(count, now)
    else if (this.#replies === this.#sent) this.#end()
  }

  #send(count: number, now: number): void {
    for (let index = 0; index < count; index += 1) {
      this.#sentAt[(this.#sent + index) % this.#plan.depth] = now
    }
    this.#sent += count
    let left = count
    while (left > 0) left -= this.#sendSome(left)
  }

  /** Sends up to the end of the buffer at most; returns how many. */
  #sendSome(wanted: number): number {
    const { bytes, offsets } = this.#row
    const messageCount = offsets.length - 1
    const count = Math.min(wanted, messageCount - this.#next)
    this.#socket.write(bytes.subarray(offsets[this.#next], offsets[this.#next + count]))
    this.#next = (this.#next + count) % messageCount
    return count
  }

  #end(): void {
    this.#ended.resolve()
    this.#socket.destroy()
  }

  #fail(error: unknown): void {
    this.#opened.reject(error)
    this.#ended.reject(error)
    this.#socket.destroy()
  }
}

function handshake({ path, headers }: SocketPlan): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}` +
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    `Sec-WebSocket-Key: ${Buffer.alloc(16, 'bench').toString('base64')}\r\n\r\n`
  )
}
