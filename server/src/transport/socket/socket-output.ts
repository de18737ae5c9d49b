import type { Socket } from 'node:net'
import { pongFrame, textFrames } from './frames.ts'

/**
 * So many texts go out without waiting for more: a client that has asked for many begins to read
 * the first answers while the last ones are being made.
 */
const gatheredMax = 32

/** What is handed to the socket at once: a slow client shows by taking the next of these. */
const sliceBytes = 262_144

/**
 * What goes to one client. Texts are gathered until they are flushed or many, and go out as one
 * write of frames. What the client does not take yet is kept here, where it is counted.
 */
export class SocketOutput {
  readonly #socket: Socket
  #texts: string[] = []
  #textUnits = 0
  #pong: Uint8Array | undefined
  /** Frames that wait for the client, oldest first. */
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  #handedBytes = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** What waits for the client, beside the slice that the socket has: bytes, or units of texts. */
  get backlog(): number {
    return this.#textUnits + this.#queuedBytes
  }

  /** Whether there is nothing left but what the socket has. */
  get isHanded(): boolean {
    return this.#queue.length === 0 && this.#texts.length === 0
  }

  /** Whether the client has yet to take what the socket has. */
  get isBlocked(): boolean {
    return this.#socket.writableLength > 0
  }

  /** All that left the socket so far: it stands still while the client takes nothing. */
  get takenBytes(): number {
    return this.#handedBytes - this.#socket.writableLength
  }

  readonly addText = (text: string): void => {
    this.#texts.push(text)
    this.#textUnits += text.length
    if (this.#texts.length >= gatheredMax) this.flush()
  }

  /** Answers a ping; of several, the latest is enough (RFC 6455, 5.5.3). */
  addPong(data: Uint8Array): void {
    this.#pong = data
  }

  /** Makes frames of what was added, and hands over as much as the client takes. */
  flush(): void {
    if (this.#texts.length > 0) {
      const texts = this.#texts
      this.#texts = []
      this.#textUnits = 0
      this.#send(textFrames(texts))
    }
    if (this.#pong) {
      this.#send(pongFrame(this.#pong))
      this.#pong = undefined
    }
  }

  /** Hands over more, where the client took what the socket had. */
  pump(): void {
    let slice: Buffer | undefined
    while (this.#takesMore()) {
      slice = this.#nextSlice()
      if (!slice) return
      this.#write(slice)
    }
  }

  #send(frames: Buffer): void {
    if (this.#queue.length === 0 && frames.length <= sliceBytes && this.#takesMore()) {
      this.#write(frames)
      return
    }
    this.#queue.push(frames)
    this.#queuedBytes += frames.length
    this.pump()
  }

  #takesMore(): boolean {
    return !this.#socket.writableNeedDrain
  }

  #nextSlice(): Buffer | undefined {
    const frames = this.#queue[0]
    if (!frames) return undefined
    if (frames.length <= sliceBytes) this.#queue.shift()
    else this.#queue[0] = frames.subarray(sliceBytes)
    const slice = frames.subarray(0, sliceBytes)
    this.#queuedBytes -= slice.length
    return slice
  }

  #write(frames: Buffer): void {
    // A client that has gone, or said that it will, has nothing written to it any more.
    if (!this.#socket.writable) return
    this.#handedBytes += frames.length
    this.#socket.write(frames)
  }
}
