import { connect, type Socket } from 'node:net'
import type { LoadPlan } from './plan.ts'
import { ReplyReader } from './reply-reader.ts'

const receiveBytes = 65_536

/** One keep-alive connection that sends a request, waits for its reply, and goes on. */
export class Connection {
  readonly #socket: Socket
  readonly #reader: ReplyReader
  readonly #ended = Promise.withResolvers<void>()
  #next: () => Uint8Array | undefined = () => undefined
  #noteLatency: (ms: number) => void = () => undefined
  #sentAt = 0

  private constructor(plan: LoadPlan) {
    this.#reader = new ReplyReader(plan.expected)
    this.#socket = connect({
      host: '127.0.0.1',
      port: plan.port,
      noDelay: true,
      // Reads straight into one buffer: streams would take more time.
      onread: {
        buffer: Buffer.allocUnsafe(receiveBytes),
        callback: (count, bytes) =>
          this.#receive(Buffer.from(bytes.buffer, bytes.byteOffset, count)),
      },
    })
    this.#socket.on('error', (error) => this.#ended.reject(error))
    this.#socket.on('end', () => this.#ended.reject(new Error('The server closed a connection.')))
  }

  static async open(plan: LoadPlan): Promise<Connection> {
    const connection = new Connection(plan)
    const connected = new Promise<void>((resolve) => connection.#socket.on('connect', resolve))
    await Promise.race([connected, connection.#ended.promise])
    return connection
  }

  /**
   * Sends the requests that `next` returns until it returns undefined. Rejects at the first reply
   * that is not as expected.
   */
  run(run: {
    next: () => Uint8Array | undefined
    noteLatency: (ms: number) => void
  }): Promise<void> {
    this.#next = run.next
    this.#noteLatency = run.noteLatency
    this.#send()
    return this.#ended.promise
  }

  #send(): void {
    const request = this.#next()
    if (request === undefined) {
      this.#ended.resolve()
      this.#socket.destroy()
      return
    }
    this.#sentAt = performance.now()
    this.#socket.write(request)
  }

  #receive(bytes: Buffer): boolean {
    try {
      if (this.#reader.isEnd(bytes)) {
        this.#noteLatency(performance.now() - this.#sentAt)
        this.#send()
      }
    } catch (error) {
      this.#ended.reject(error)
      this.#socket.destroy()
    }
    return true
  }
}
