import type { Socket } from 'node:net'
import { limits } from '../../core/kernel/limits.ts'
import type { AnswerText } from '../socket-exchange.ts'
import { pongFrame, textFrames } from './frames.ts'
import { LongText } from './long-text.ts'
import type { OutputTurns } from './output-turns.ts'

/**
 * The output to one client. Texts are gathered until a flush, or until they are many, and go out as
 * frames in one write. Frames that the client does not take yet are kept and counted here.
 */
export class SocketOutput {
  readonly #socket: Socket
  readonly #turns: OutputTurns
  readonly #onTurn: () => void
  #texts: AnswerText[] = []
  #textUnits = 0
  #pong: Uint8Array | undefined
  /** Frames that wait for the client, oldest first. */
  readonly #queue: (Buffer | LongText)[] = []
  #queuedBytes = 0
  #handedBytes = 0

  /** `onTurn` is called when it is this client's turn again: then call `pump`. */
  constructor(socket: Socket, turns: OutputTurns, onTurn: () => void) {
    this.#socket = socket
    this.#turns = turns
    this.#onTurn = onTurn
  }

  /**
   * The size of what waits for the client, besides the slice in the socket: bytes of frames, and
   * UTF-16 units of texts.
   */
  get backlog(): number {
    return this.#textUnits + this.#queuedBytes
  }

  /** Whether everything was handed to the socket. */
  get isHanded(): boolean {
    return this.#queue.length === 0 && this.#texts.length === 0
  }

  /** Whether the socket holds bytes that the client has not taken. */
  get isBlocked(): boolean {
    return this.#socket.writableLength > 0
  }

  /**
   * The bytes that left the socket so far. The number stands still while the client takes nothing.
   */
  get takenBytes(): number {
    return this.#handedBytes - this.#socket.writableLength
  }

  readonly addText = (text: AnswerText): void => {
    this.#texts.push(text)
    this.#textUnits += text.length
    if (this.#texts.length >= limits.socketGatheredTextsMax) this.flush()
  }

  /** Answers a ping; of several, the latest is enough (RFC 6455, 5.5.3). */
  addPong(data: Uint8Array): void {
    this.#pong = data
  }

  /** Makes frames of the added texts and pong, and hands over as much as the client takes. */
  flush(): void {
    if (this.#texts.length > 0) {
      const texts = this.#texts
      this.#texts = []
      this.#textUnits = 0
      this.#sendTexts(texts)
    }
    if (this.#pong) {
      this.#send(pongFrame(this.#pong))
      this.#pong = undefined
    }
  }

  /** Hands more to the socket if the client took what the socket had. */
  pump(): void {
    while (this.#queue.length > 0 && this.#takesMore() && this.#turns.mayTake(this.#onTurn)) {
      const slice = this.#nextSlice()
      if (!slice) return
      this.#turns.spend(slice.length)
      this.#write(slice)
    }
  }

  #sendTexts(texts: readonly AnswerText[]): void {
    if (texts.every(isShort)) {
      this.#send(textFrames(texts))
      return
    }
    let short: string[] = []
    for (const text of texts) {
      if (isShort(text)) {
        short.push(text)
        continue
      }
      if (short.length > 0) this.#send(textFrames(short))
      short = []
      this.#enqueue(new LongText(typeof text === 'string' ? [text] : text.pieces))
    }
    if (short.length > 0) this.#send(textFrames(short))
  }

  #send(frames: Buffer): void {
    if (this.#queue.length === 0 && frames.length <= limits.socketSliceBytes && this.#takesMore()) {
      this.#write(frames)
      return
    }
    this.#enqueue(frames)
  }

  #enqueue(frames: Buffer | LongText): void {
    this.#queue.push(frames)
    this.#queuedBytes += frames instanceof LongText ? frames.size : frames.length
    this.pump()
  }

  #takesMore(): boolean {
    return !this.#socket.writableNeedDrain
  }

  #nextSlice(): Buffer | undefined {
    const frames = this.#queue[0]
    if (!frames) return undefined
    const slice = frames instanceof LongText ? frames.next() : this.#sliceOf(frames)
    if (frames instanceof LongText && frames.isDone) this.#queue.shift()
    this.#queuedBytes -= slice.length
    return slice
  }

  #sliceOf(frames: Buffer): Buffer {
    if (frames.length <= limits.socketSliceBytes) this.#queue.shift()
    else this.#queue[0] = frames.subarray(limits.socketSliceBytes)
    return frames.subarray(0, limits.socketSliceBytes)
  }

  #write(frames: Buffer): void {
    // Write nothing to a client that has gone, or has announced its end.
    if (!this.#socket.writable) return
    this.#handedBytes += frames.length
    this.#socket.write(frames)
  }
}

function isShort(text: AnswerText): text is string {
  return typeof text === 'string' && text.length <= limits.socketSliceBytes
}
