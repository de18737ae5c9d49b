import type { Members } from '../../json/json-members.ts'
import { delayAfter } from '../../waiting/pace.ts'
import { pause } from '../../waiting/pause.ts'
import { NemesisConnectionError } from '../answers/errors.ts'
import { refusalOf } from '../answers/refusal.ts'
import { Command, type IsMore } from './command.ts'
import { type ConnectionOptions, closeMs } from './connection-options.ts'
import { Liveness } from './liveness.ts'
import { type Message, parseMessage } from './messages.ts'
import { Reconnection, usualPace } from './reconnection.ts'
import { openSocket, type WebSocketLike } from './socket.ts'

export type QuietCommand = 'KV_SETQ' | 'KV_ADDQ'

/** Gets the changes of one watch; undefined when the connection was lost. */
export type ChangeListener = (change: Members | undefined) => void

const quietAnswers: ReadonlySet<string> = new Set(['KV_SETQ_RSP', 'KV_ADDQ_RSP'])
const probe = { name: 'SH_EXISTS', parameters: '{"tkns":[]}' }

/** Something that is sent once there is a connection again. */
interface Waiting {
  readonly text: string
  send(): void
  reject(error: NemesisConnectionError): void
}

/**
 * Sends commands over one WebSocket, without waiting for one another. Answers carry no number: they
 * come in the order of the commands. A quiet command that succeeds gets no answer.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #reconnection: Reconnection | undefined
  readonly #liveness: Liveness
  #socket: WebSocketLike | undefined
  /** Why the connection has ended for good; undefined if it has not. */
  #end: string | undefined
  /** In the order in which they were sent; also those whose time is over. */
  readonly #pending = new Set<Command>()
  /** In the order of the calls; a command is its own key. */
  readonly #waiting = new Map<object, Waiting>()
  #waitingChars = 0
  /** By the number of the watch on this connection. */
  readonly #listeners = new Map<string, ChangeListener>()
  #isQuietUnderWay = false
  #closed: Promise<void> | undefined
  #onClosed: (() => void) | undefined

  private constructor(options: ConnectionOptions) {
    this.#options = options
    if (options.pace) this.#reconnection = new Reconnection(options.pace)
    this.#liveness = new Liveness({
      silenceMs: options.bounds.silenceMs,
      probe: () => this.#sendNow(this.#commandOf(probe.name, probe.parameters)),
      lost: () => this.#break('The server sends nothing any more.'),
    })
  }

  /** Rejects with `signal.reason`, or NemesisConnectionError where there is no connection. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options)
    await connection.#connectFirst(options)
    return connection
  }

  /** Whether a lost connection is made again. */
  get willReconnect(): boolean {
    return this.#reconnection !== undefined && this.#end === undefined
  }

  /**
   * Sends a command. Resolves with the body of its answer, the last one if there are several.
   * Rejects with NemesisError for a message that the server can't understand, and with
   * NemesisConnectionError. Any other refusal is an answer.
   */
  async ask(name: string, parameters: string, isMore?: IsMore): Promise<Members> {
    this.#assertRoom()
    const command = this.#commandOf(name, parameters, isMore)
    if (this.#socket) this.#sendNow(command)
    else {
      this.#wait(command, {
        text: command.text,
        send: () => this.#sendNow(command),
        reject: (error) => command.reject(error),
      })
    }
    return command.answer
  }

  /** Sends a command that is answered only if it fails. Throws NemesisConnectionError. */
  say(name: QuietCommand, parameters: string): void {
    this.#assertRoom()
    const text = `{"${name}":${parameters}}`
    const send = (): void => {
      this.#isQuietUnderWay = true
      this.#socket?.send(text)
    }
    if (this.#socket) send()
    else this.#wait({}, { text, send, reject: (error) => this.#options.onQuietError(error) })
  }

  /** Resolves when all earlier commands are done: answered, or quiet without an answer. */
  async flush(): Promise<void> {
    await this.ask(probe.name, probe.parameters)
  }

  /** Tells `listener` the changes of a watch of this connection. */
  listen(watch: string, listener: ChangeListener): void {
    this.#listeners.set(watch, listener)
  }

  unlisten(watch: string): void {
    this.#listeners.delete(watch)
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
    if (socket) await this.#closeSocket(socket)
    this.#options.onConnection({ kind: 'closed' })
  }

  async #closeSocket(socket: WebSocketLike): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onClosed = resolve
    const timer = setTimeout(() => this.#break('The server did not close it.'), closeMs)
    socket.close()
    await promise
    clearTimeout(timer)
  }

  async #connectFirst({ signal, bounds, pace = usualPace }: ConnectionOptions): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      try {
        await this.#connect(signal)
        return
      } catch (error) {
        const isAgain = error instanceof NemesisConnectionError && failures <= bounds.connectRetries
        if (!isAgain) throw error
        this.#options.onConnection({ kind: 'failed', error })
        await pause(delayAfter(failures, pace), signal)
      }
    }
  }

  #connect(signal: AbortSignal | undefined): Promise<void> {
    const { url, WebSocket, bounds } = this.#options
    return openSocket({
      url,
      WebSocket,
      signal,
      timeoutMs: bounds.connectTimeoutMs,
      onOpen: (socket) => this.#opened(socket),
      onMessage: (socket, data) => this.#receive(socket, data),
      onClose: (socket, why) => this.#lose(socket, `The connection ended: ${why}.`),
    })
  }

  #opened(socket: WebSocketLike): void {
    this.#socket = socket
    this.#liveness.start()
    for (const work of this.#takeWaiting()) work.send()
    this.#options.onConnection({ kind: 'open' })
  }

  #commandOf(name: string, parameters: string, isMore?: IsMore): Command {
    const { commandTimeoutMs: timeoutMs } = this.#options.bounds
    return new Command({
      name,
      parameters,
      isMore,
      timeoutMs,
      dropped: (command) => this.#drop(command),
    })
  }

  #sendNow(command: Command): void {
    command.answer.catch(() => undefined)
    command.isAfterQuiet = this.#isQuietUnderWay
    this.#isQuietUnderWay = false
    this.#pending.add(command)
    command.sent()
    this.#socket?.send(command.text)
  }

  #wait(key: object, work: Waiting): void {
    this.#waiting.set(key, work)
    this.#waitingChars += work.text.length
  }

  /** A command whose time is over before there was a connection. */
  #drop(command: Command): void {
    if (this.#waiting.delete(command)) this.#waitingChars -= command.text.length
  }

  /** Throws NemesisConnectionError if nothing more may be sent. */
  #assertRoom(): void {
    const { waitingMax, unsentMax } = this.#options.bounds
    if (this.#end !== undefined) throw new NemesisConnectionError(this.#end, 'not-sent')
    if (this.#pending.size + this.#waiting.size >= waitingMax) {
      throw new NemesisConnectionError(`${waitingMax} commands wait already.`, 'not-sent')
    }
    const unsent = this.#waitingChars + (this.#socket?.bufferedAmount ?? 0)
    if (unsent < unsentMax) return
    throw new NemesisConnectionError(`${unsent} characters wait to be sent already.`, 'not-sent')
  }

  #receive(socket: WebSocketLike, data: unknown): void {
    if (socket !== this.#socket) return
    this.#liveness.heard()
    const message = parseMessage(data)
    if (!message) this.#break('The server sent a message that is not an answer.')
    else if (quietAnswers.has(message.name)) this.#receiveQuiet(message)
    else if (message.name === 'ERR') this.#receiveError(message.body)
    else if (message.name === 'KV_CHANGE') this.#receiveChange(message.body)
    else this.#receiveAnswer(message)
  }

  #receiveQuiet({ name, body }: Message): void {
    this.#options.onQuietError(refusalOf(name.slice(0, -'_RSP'.length), body))
  }

  /** Changes of a watch that has just been ended may still come: nobody listens to them. */
  #receiveChange(body: Members): void {
    this.#listeners.get(body.get('watch') ?? '')?.(body)
  }

  #receiveAnswer({ name, body }: Message): void {
    const [pending] = this.#pending
    // NemesisDB 0.4 leaves out `_RSP` in some errors.
    if (!pending || (name !== `${pending.name}_RSP` && name !== pending.name)) {
      this.#break(`The server sent an unexpected answer: ${name}.`)
      return
    }
    if (pending.isMore(body)) return
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
    pending.reject(refusalOf(pending.name, body))
  }

  #break(why: string): void {
    const socket = this.#socket
    if (!socket) return
    this.#lose(socket, why)
    // `ws` waits for half a minute for the answer to a close, which a dead link never sends.
    if (socket.terminate) socket.terminate()
    else socket.close()
  }

  #lose(socket: WebSocketLike, why: string): void {
    if (socket !== this.#socket) return
    this.#socket = undefined
    this.#liveness.stop()
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
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    for (const listener of listeners) listener(undefined)
    if (isQuietUnderWay) this.#options.onQuietError(lost)
  }

  #recover(why: string): void {
    const willReconnect = this.#reconnection !== undefined
    if (!willReconnect) this.#end = why
    this.#options.onConnection({ kind: 'lost', why, willReconnect })
    void this.#reconnection?.run(
      (signal) => this.#connect(signal),
      (error) => this.#options.onConnection({ kind: 'failed', error }),
    )
  }

  #refuseWaiting(why: string): void {
    const error = new NemesisConnectionError(why, 'not-sent')
    for (const work of this.#takeWaiting()) work.reject(error)
  }

  #takeWaiting(): readonly Waiting[] {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#waitingChars = 0
    return waiting
  }
}
