import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { opcodes } from './frames.ts'
import { handshake } from './handshake.ts'

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
