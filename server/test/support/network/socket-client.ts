import { WebSocket } from 'ws'

/** A client of NemesisDB's protocol: one message after the other, or many at once. */
export class SocketClient {
  readonly socket: WebSocket
  readonly #received: string[] = []
  readonly #waiting: ((text: string | undefined) => void)[] = []
  /** Code and reason with which the connection ended. */
  readonly closed: Promise<{ code: number; reason: string }>

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data, isBinary) => {
      const text = isBinary ? '(binary)' : String(data)
      const next = this.#waiting.shift()
      if (next) next(text)
      else this.#received.push(text)
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        for (const next of this.#waiting.splice(0)) next(undefined)
        resolve({ code, reason: String(reason) })
      })
    })
  }

  /** Rejects if the handshake is refused; the error's message contains the status. */
  static async open(
    url: string,
    options: { headers?: Record<string, string>; origin?: string } = {},
  ): Promise<SocketClient> {
    const socket = new WebSocket(url, options)
    const client = new SocketClient(socket)
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    socket.on('error', () => undefined) // `closed` reports it
    return client
  }

  /** The next message; rejects if the connection ends before. */
  async receive(): Promise<string> {
    const text = this.#received.shift() ?? (await this.#nextMessage())
    if (typeof text === 'string') return text
    throw new Error('The connection ended.')
  }

  /** Undefined: the connection has ended, perhaps already before. */
  #nextMessage(): Promise<string | undefined> {
    if (this.socket.readyState === WebSocket.CLOSED) return Promise.resolve(undefined)
    return new Promise((done) => this.#waiting.push(done))
  }

  send(message: string | Buffer): void {
    this.socket.send(message)
  }

  /** Sends a message and returns the text of the next answer. */
  async ask(message: string | object): Promise<string> {
    this.send(typeof message === 'string' ? message : JSON.stringify(message))
    return this.receive()
  }

  /** The body of the answer to a command; JSON.parse may round its integers. */
  async command(name: string, parameters: object): Promise<Record<string, unknown>> {
    const answer = JSON.parse(await this.ask({ [name]: parameters }))
    return answer[`${name}_RSP`]
  }

  close(): void {
    this.socket.close()
  }
}
