import type { Socket } from 'node:net'
import type { BytePool, Holding } from '../../core/kernel/bounds/byte-pool.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { Outbox } from '../outbox.ts'
import type { AnswerText, Reply, SocketSession } from '../socket-exchange.ts'
import { AnswerRoom, MessageInHand } from './answer-room.ts'
import type { OutputTurns } from './output-turns.ts'
import { ReplyOrder } from './reply-order.ts'
import type { SocketClient } from './socket-client.ts'
import { SocketOutput } from './socket-output.ts'
import { type SocketPatience, SocketVigil } from './socket-vigil.ts'

/** The limits of one connection. */
export interface SocketLimits {
  /** A longer message closes the connection. */
  readonly maxPayloadBytes: number
  /** A connection with this many unanswered messages is not read any further. */
  readonly unansweredMax: number
  /** The same for the bytes of these messages. A single message is taken, however long it is. */
  readonly unansweredBytesMax: number
  /** The same for the bytes of answers that the client has not taken. */
  readonly backlogBytesMax: number
  /** All bytes of answers that are being made or are not sent. */
  readonly answersBytesMax: number
}

export interface ConnectionParts {
  readonly client: SocketClient
  readonly socket: Socket
  readonly session: SocketSession
  readonly limits: SocketLimits
  readonly patience: SocketPatience
  readonly outbox: Outbox
  /** For all connections. */
  readonly turns: OutputTurns
  /** The bytes that all connections hold. */
  readonly pool: BytePool
  logError(message: string, cause: unknown): void
}

interface Waiting {
  readonly data: Buffer
  readonly isBinary: boolean
}

/** How a connection is about to end. */
interface Ending {
  readonly code: number | undefined
  readonly reason: string | Buffer | undefined
  /** Whether messages that have already come are still handed to the door. */
  readonly takesWaiting: boolean
  readonly awaitsAnswers: boolean
}

/** RFC 6455, 7.4.1. */
const internalError = 1011
/** The head of a client's ping or pong, with its mask (RFC 6455, 5.2). */
const controlHeadBytes = 6

/**
 * The connection of one client. It hands messages to the session of a door, puts the answers in
 * order, and limits what waits on either side.
 */
export class SocketConnection {
  readonly #parts: ConnectionParts
  readonly #output: SocketOutput
  readonly #vigil: SocketVigil
  readonly #order = new ReplyOrder()
  readonly #holding: Holding
  readonly #room: AnswerRoom
  /** Leaves the line of those that wait for room in the pool; undefined: it does not wait. */
  #leaveLine: (() => void) | undefined
  /** What the last check saw: bytes of messages that were read, messages that had come. */
  #seen = { messageBytes: 0, messages: 0 }
  /** Bytes of pings and pongs, which belong to no message. */
  #controlBytes = 0
  /** Bytes of a message that has not come to its end, as far as checks could see. */
  #unfinishedBytes = 0
  #unansweredBytes = 0
  /** Messages that came together with the last one that the limits allowed, and their bytes. */
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #ending: Ending | undefined
  #hasEnded = false
  /** Called once everything that waits for the client was handed to the socket. */
  readonly #pushers: (() => void)[] = []
  /** Whether `#endTurn` runs at the end of this turn of the event loop. */
  #isDue = false

  constructor(parts: ConnectionParts, now: number) {
    const { client, socket, patience, turns } = parts
    this.#parts = parts
    this.#output = new SocketOutput(socket, turns, this.#drained)
    this.#vigil = new SocketVigil(patience, now)
    this.#holding = parts.pool.open(parts.session.owner ?? '')
    this.#room = new AnswerRoom({
      bytesMax: parts.limits.answersBytesMax,
      holding: this.#holding,
      unsent: () => ({
        first: this.#order.first,
        backlogBytes: this.#output.backlog,
        earlyBytes: this.#order.earlyUnits,
        messagesBytes: this.#unfinishedBytes + this.#unansweredBytes + this.#waitingBytes,
      }),
      onChange: () => this.#beDue(),
    })
    client.onClosing = (code, reason) => this.#closeAsToldBy(code, reason)
    client.on('message', (data: Buffer, isBinary) => this.#receive(data, isBinary))
    client.on('ping', (data) => this.#pong(data))
    client.on('pong', (data) => this.#countControl(data))
    client.on('close', () => this.#end())
    // An error of the client: `onClosing` was called already.
    client.on('error', () => undefined)
    socket.on('drain', this.#drained)
  }

  /** Ends the connection. Answers that were given already go out first. */
  closeNow(code: number, reason: string): void {
    this.#close({ code, reason, takesWaiting: false, awaitsAnswers: false })
  }

  /** Ends the connection once the door has answered the messages that it was handed. */
  closeSoon(code: number, reason: string): void {
    this.#close({ code, reason, takesWaiting: false, awaitsAnswers: true })
  }

  /** See `SocketControl.push`. */
  push(texts: readonly string[]): Promise<void> {
    if (this.#hasEnded || this.#ending) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    for (const text of texts) this.#output.addText(text)
    this.#pushers.push(resolve)
    this.#beDue()
    return promise
  }

  #wakePushers(): void {
    for (const resolve of this.#pushers.splice(0)) resolve()
  }

  terminate(): void {
    this.#parts.client.terminate()
  }

  /** The same, and what it holds is free at once. */
  cutOff(): void {
    this.#end()
    this.terminate()
  }

  /** The bytes that this connection holds, if they are many. */
  get heldBytes(): number {
    return this.#holding.bytes
  }

  /** Must be called now and then. `now` is ms since any fixed moment. */
  check(now: number): void {
    const { client, socket } = this.#parts
    this.#room.refuseOld(now)
    this.#seeUnfinished(socket.bytesRead)
    const verdict = this.#vigil.look(now, {
      isEnding: this.#ending !== undefined,
      isBlocked: this.#output.isBlocked,
      isPaused: client.isPaused,
      isSending: this.#unfinishedBytes >= limits.socketCountedBytesMin,
      isShort: this.#holding.isShort,
      readBytes: socket.bytesRead,
      takenBytes: this.#output.takenBytes,
    })
    if (verdict === 'lost') client.terminate()
    if (verdict === 'silent') client.ping()
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#ending) return
    if (this.#waiting.length === 0 && this.#mayTake()) {
      this.#hand(data, isBinary)
      return
    }
    this.#waiting.push({ data, isBinary })
    this.#waitingBytes += data.length
    this.#parts.client.pause()
  }

  /** `ws` holds a message until its end comes. Costs nothing while messages come. */
  #seeUnfinished(readBytes: number): void {
    const messages = this.#order.askedCount + this.#waiting.length
    const messageBytes = readBytes - this.#controlBytes
    const isSame = messages === this.#seen.messages
    this.#unfinishedBytes = isSame
      ? this.#unfinishedBytes + messageBytes - this.#seen.messageBytes
      : 0
    this.#seen = { messageBytes, messages }
    this.#noteHeld()
  }

  #mayTake(): boolean {
    const { unansweredMax, unansweredBytesMax, backlogBytesMax } = this.#parts.limits
    return (
      this.#order.openCount < unansweredMax &&
      this.#unansweredBytes < unansweredBytesMax &&
      this.#output.backlog + this.#order.earlyUnits < backlogBytesMax &&
      !this.#room.isWaitedFor
    )
  }

  /** Tells the pool what this connection holds, and grants what waits for room. */
  #noteHeld(): void {
    // `ws` may keep the connection for a while, and nobody would give back what is counted now.
    if (this.#hasEnded) return
    const { held } = this.#room
    const counted = held >= limits.socketCountedBytesMin ? held : 0
    if (counted !== this.#holding.bytes) this.#holding.set(counted)
    if (this.#room.isWaitedFor) this.#room.wake()
    if (this.#room.waitsForOthers) this.#leaveLine ??= this.#holding.wait(this.#wake)
    else this.#leave()
  }

  #leave(): void {
    this.#leaveLine?.()
    this.#leaveLine = undefined
  }

  /** Room became free in the pool. Returns whether nothing waits for it any more. */
  readonly #wake = (): boolean => {
    this.#room.wake()
    this.#beDue()
    if (this.#room.waitsForOthers) return false
    this.#leaveLine = undefined
    return true
  }

  #hand(data: Buffer, isBinary: boolean): void {
    const question = new MessageInHand(this.#order.ask(), this.#room)
    const bytes = data.length
    this.#unansweredBytes += bytes
    try {
      const message = isBinary ? data : data.toString()
      const reply: Reply = (answer, options) => {
        if (options?.goesOn) this.#answerPart(question, answer)
        else this.#answer(question, bytes, answer)
      }
      this.#parts.session.receive(message, reply, question)
    } catch (error) {
      this.#fail('A message could not be handled', error)
    }
  }

  #answer(question: MessageInHand, bytes: number, answer: AnswerText | undefined): void {
    if (this.#hasEnded || this.#ending?.awaitsAnswers === false) return
    this.#unansweredBytes -= bytes
    if (question.taken > 0) question.give(question.taken)
    if (!this.#order.answer(question.number, answer, this.#output.addText)) {
      this.#fail('A message was answered twice', new Error(String(answer)))
    }
    this.#beDue()
  }

  #answerPart({ number: question }: MessageInHand, part: AnswerText | undefined): void {
    if (this.#hasEnded || this.#ending?.awaitsAnswers === false) return
    if (!this.#order.part(question, part, this.#output.addText)) {
      this.#fail('A message was answered twice', new Error(String(part)))
    }
    this.#beDue()
  }

  #countControl(data: Buffer): void {
    this.#controlBytes += controlHeadBytes + data.length
  }

  #pong(data: Buffer): void {
    this.#countControl(data)
    if (this.#ending) return
    this.#output.addPong(Buffer.from(data))
    this.#beDue()
  }

  #beDue(): void {
    if (this.#isDue) return
    this.#isDue = true
    this.#parts.outbox.add(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    this.#isDue = false
    this.#goOn()
  }

  /** The client took what the socket had, or it is this connection's turn to send. */
  readonly #drained = (): void => {
    this.#output.pump()
    this.#goOn()
  }

  /** Sends the answers, then takes as many messages as the limits allow. */
  #goOn(): void {
    if (this.#hasEnded) return
    try {
      this.#output.flush()
      this.#noteHeld()
      if (this.#output.isHanded && !this.#parts.socket.writableNeedDrain) this.#wakePushers()
      this.#takeWaiting()
      this.#steer()
      this.#closeIfDone()
    } catch (error) {
      this.#parts.logError('A connection broke down', error)
      this.#parts.client.terminate()
    }
  }

  #takeWaiting(): void {
    const waiting = this.#waiting
    let count = 0
    // The door may close the connection when it is handed a message: then `#waiting` is another
    // list.
    for (const { data, isBinary } of waiting) {
      if (waiting !== this.#waiting || !this.#mayTake()) break
      this.#waitingBytes -= data.length
      this.#hand(data, isBinary)
      count += 1
    }
    if (waiting === this.#waiting) this.#waiting = waiting.slice(count)
  }

  /** A connection that is about to end is still read: the client may send its own close frame. */
  #steer(): void {
    const { client } = this.#parts
    const mayRead = this.#ending !== undefined || (this.#waiting.length === 0 && this.#mayTake())
    if (!mayRead) client.pause()
    else if (client.isPaused) client.resume()
  }

  #closeAsToldBy(code: number | undefined, reason: string | Buffer | undefined): void {
    // The client answers our own close frame.
    if (this.#hasEnded) this.#parts.client.closeNow(code, reason)
    const why = reason ?? this.#complaintOf(code)
    this.#close({ code, reason: why, takesWaiting: true, awaitsAnswers: true })
  }

  /** The reason for each code with which `ws` closes a connection by itself. */
  #complaintOf(code: number | undefined): string | undefined {
    const { maxPayloadBytes } = this.#parts.limits
    if (code === 1002) return 'The data is not a valid client frame.'
    if (code === 1007) return 'A text is not valid UTF-8.'
    if (code === 1008) return 'A message came in too many pieces.'
    if (code === 1009) return `A message may have at most ${maxPayloadBytes} bytes.`
    return undefined
  }

  #fail(message: string, cause: unknown): void {
    this.#parts.logError(message, cause)
    this.closeNow(internalError, 'The server failed.')
  }

  #close(ending: Ending): void {
    // An ending that waits for answers may be replaced by one that does not.
    if (this.#hasEnded || (this.#ending && (ending.awaitsAnswers || !this.#ending.awaitsAnswers))) {
      return
    }
    this.#ending = ending
    if (!ending.takesWaiting) this.#dropWaiting()
    this.#beDue()
  }

  #dropWaiting(): void {
    this.#waiting = []
    this.#waitingBytes = 0
  }

  #closeIfDone(): void {
    const ending = this.#ending
    if (!ending || !this.#output.isHanded) return
    if (ending.awaitsAnswers && this.#order.openCount > 0) return
    this.#end()
    this.#parts.client.closeNow(ending.code, ending.reason)
  }

  #end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#dropWaiting()
    this.#leave()
    this.#room.close()
    this.#holding.set(0)
    this.#wakePushers()
    try {
      this.#parts.session.close()
    } catch (error) {
      this.#parts.logError('A session could not be closed', error)
    }
  }
}
