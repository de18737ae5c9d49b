import { type Members, membersOf } from '../json/json-members.ts'
import { NemesisConnectionError, type NemesisError } from './errors.ts'
import { type Pace, Reconnection } from './reconnection.ts'
import { refusalOf } from './refusal.ts'
import { openSocket, type WebSocketConstructor, type WebSocketLike } from './socket.ts'

export interface ConnectionOptions {
  /** Includes the API token. */
  readonly url: URL
  readonly WebSocket: WebSocketConstructor
  readonly signal?: AbortSignal | undefined
  /** Undefined: a lost connection is not made again. */
  readonly pace: Pace | undefined
  onQuietError(error: NemesisError | NemesisConnectionError): void
}

export type QuietCommand = 'KV_SETQ' | 'KV_ADDQ'

/** Whether more answers to the command will follow this one. */
export type IsMore = (answer: Members) => boolean

interface Pending {
  readonly command: string
  /** Whether quiet commands were sent between the command before and this one. */
  readonly isAfterQuiet: boolean
  readonly isMore: IsMore | undefined
  resolve(answer: Members): void
  reject(error: Error): void
}

const quietAnswers: ReadonlySet<string> = new Set(['KV_SETQ_RSP', 'KV_ADDQ_RSP'])

/**
 * Sends commands over one WebSocket, without waiting for one another. Answers carry no number: they
 * come in the order of the commands. A quiet command that succeeds gets no answer.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #reconnection: Reconnection | undefined
  #socket: WebSocketLike | undefined
  /** Why the connection has ended for good; undefined if it has not. */
  #end: string | undefined
  /** In the order in which they were sent. */
  readonly #pending = new Set<Pending>()
  /** Commands that are sent once there is a connection again. */
  readonly #waiting: { send(): void; reject(error: NemesisConnectionError): void }[] = []
  #isQuietUnderWay = false
  #closed: Promise<void> | undefined
  #onClosed: (() => void) | undefined

  private constructor(options: ConnectionOptions) {
    this.#options = options
    if (options.pace) this.#reconnection = new Reconnection(options.pace)
  }

  /** Rejects with `signal.reason`, or NemesisConnectionError where there is no connection. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options)
    await connection.#connect(options.signal)
    return connection
  }

  /**
   * Sends a command. Resolves with the body of its answer, the last one if there are several.
   * Rejects with NemesisError for a message that the server can't understand, and with
   * NemesisConnectionError. Any other refusal is an answer.
   */
  ask(command: string, parameters: string, isMore?: IsMore): Promise<Members> {
    return new Promise((resolve, reject) => {
      this.#whenConnected({
        reject,
        send: () => {
          const isAfterQuiet = this.#isQuietUnderWay
          this.#isQuietUnderWay = false
          this.#pending.add({ command, isAfterQuiet, isMore, resolve, reject })
          this.#send(command, parameters)
        },
      })
    })
  }

  /** Sends a command that is answered only if it fails. Throws NemesisConnectionError. */
  say(command: QuietCommand, parameters: string): void {
    this.#whenConnected({
      reject: (error) => this.#options.onQuietError(error),
      send: () => {
        this.#isQuietUnderWay = true
        this.#send(command, parameters)
      },
    })
  }

  /** Resolves when all earlier commands are done: answered, or quiet without an answer. */
  async flush(): Promise<void> {
    await this.ask('SH_EXISTS', '{"tkns":[]}')
  }

  /** Closes the connection once all sent commands are answered. No other command is sent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const lastAnswer = this.#socket && this.flush()
    this.#end ??= 'The client was closed.'
    this.#reconnection?.stop()
    this.#refuseWaiting(this.#end)
    await lastAnswer?.catch(() => undefined)
    const socket = this.#socket
    if (!socket) return
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve
      socket.close()
    })
  }

  #connect(signal: AbortSignal | undefined): Promise<void> {
    const { url, WebSocket } = this.#options
    return openSocket({
      url,
      WebSocket,
      signal,
      onOpen: (socket) => {
        this.#socket = socket
        for (const work of this.#waiting.splice(0)) work.send()
      },
      onMessage: (socket, data) => this.#receive(socket, data),
      onClose: (socket, why) => this.#lose(socket, `The connection ended: ${why}.`),
    })
  }

  #whenConnected(work: { send(): void; reject(error: NemesisConnectionError): void }): void {
    if (this.#end !== undefined) throw new NemesisConnectionError(this.#end, 'not-sent')
    if (this.#socket) work.send()
    else this.#waiting.push(work)
  }

  #send(command: string, parameters: string): void {
    this.#socket?.send(`{"${command}":${parameters}}`)
  }

  #receive(socket: WebSocketLike, data: unknown): void {
    if (socket !== this.#socket) return
    const message = parseMessage(data)
    if (!message) this.#break('The server sent a message that is not an answer.')
    else if (quietAnswers.has(message.name)) this.#receiveQuiet(message)
    else if (message.name === 'ERR') this.#receiveError(message.body)
    else this.#receiveAnswer(message)
  }

  #receiveQuiet({ name, body }: Message): void {
    this.#options.onQuietError(refusalOf(name.slice(0, -'_RSP'.length), body))
  }

  #receiveAnswer({ name, body }: Message): void {
    const [pending] = this.#pending
    // NemesisDB 0.4 leaves out `_RSP` in some errors.
    if (!pending || (name !== `${pending.command}_RSP` && name !== pending.command)) {
      this.#break(`The server sent an unexpected answer: ${name}.`)
      return
    }
    if (pending.isMore?.(body)) return
    this.#pending.delete(pending)
    pending.resolve(body)
  }

  /**
   * Handles an error for a message that the server could not understand. It does not say which one.
   */
  #receiveError(body: Members): void {
    const [pending] = this.#pending
    if (!pending) {
      this.#options.onQuietError(refusalOf('ERR', body))
      return
    }
    if (pending.isAfterQuiet) {
      this.#break('The server refused a message and could not say which one.')
      return
    }
    this.#pending.delete(pending)
    pending.reject(refusalOf(pending.command, body))
  }

  #break(why: string): void {
    const socket = this.#socket
    if (!socket) return
    this.#lose(socket, why)
    socket.close()
  }

  #lose(socket: WebSocketLike, why: string): void {
    if (socket !== this.#socket) return
    this.#socket = undefined
    const pending = [...this.#pending]
    this.#pending.clear()
    const isQuietUnderWay = this.#isQuietUnderWay || pending.some((one) => one.isAfterQuiet)
    this.#isQuietUnderWay = false
    const lost = new NemesisConnectionError(
      `${why} It is unknown whether the command was carried out.`,
      'unknown',
    )
    for (const one of pending) one.reject(lost)
    if (this.#end === undefined) this.#recover(why)
    this.#onClosed?.()
    if (isQuietUnderWay) this.#options.onQuietError(lost)
  }

  #recover(why: string): void {
    if (this.#reconnection) void this.#reconnection.run((signal) => this.#connect(signal))
    else this.#end = why
  }

  #refuseWaiting(why: string): void {
    const error = new NemesisConnectionError(why, 'not-sent')
    for (const work of this.#waiting.splice(0)) work.reject(error)
  }
}

interface Message {
  readonly name: string
  readonly body: Members
}

function parseMessage(data: unknown): Message | undefined {
  if (typeof data !== 'string') return undefined
  try {
    for (const [name, body] of membersOf(data)) return { name, body: membersOf(body) }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return undefined
}
