import type { Socket } from 'node:net'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { HttpReply } from '../exchange.ts'
import { failed, noRoom, type Refusal } from '../refusal.ts'
import {
  closeUnread,
  cutOff,
  isShortReply,
  orClosed,
  type WholeReply,
  writeBody,
} from '../replies.ts'
import { asksToClose, isContentLength, type ReplyHead } from '../reply-head.ts'
import { type RequestHead, readHead } from './request-head.ts'

/** A request that has arrived completely. */
export interface DirectMessage extends RequestHead {
  readonly body: Bytes
  readonly socket: Socket
}

export interface DirectParts {
  readonly replyHead: ReplyHead
  /** True: the server is stopping, and each connection ends after its reply. */
  isStopping(): boolean
  /** Calls `send` at the end of this turn of the event loop, after those that were added before. */
  later(send: () => void): void
  answer(message: DirectMessage): Promise<HttpReply>
  /** Passes a connection on to `node:http`. `bytes` were read from it and not answered yet. */
  handOver(socket: Socket, rest: { readonly bytes: Buffer; readonly isEnd: boolean }): void
  /** Takes room for a long reply. Returns what gives it back; undefined: there is no room. */
  takeRoom(reply: HttpReply, message: DirectMessage): (() => void) | undefined
  /** Counts what the client has left of the reply in the socket, until it has taken that. */
  holdUnsent(message: DirectMessage): void
  /** The reply to a request that the transport refuses. */
  refusalReply(message: DirectMessage, refusal: Refusal): WholeReply
  logFailure(message: DirectMessage, cause: unknown): void
}

/**
 * A connection whose requests are plain and arrive in one piece. It reads and answers them without
 * the streams of `node:http`, which cost a fifth of a small request. At the first bytes that are
 * anything else, it hands the connection over to `node:http` for good.
 */
export class DirectConnection {
  readonly #socket: Socket
  readonly #parts: DirectParts
  #previous: RequestHead | undefined
  /** The bytes that came behind the request that is being answered. */
  #rest: Buffer | undefined
  #isBusy = false
  #isHeadSent = false
  #isLeaving = false
  #hasEnded = false

  constructor(socket: Socket, parts: DirectParts) {
    this.#socket = socket
    this.#parts = parts
    socket.on('data', this.#receive)
    socket.on('end', this.#end)
    socket.on('error', this.#destroy)
  }

  /** Whether the client waits for the server, and not the server for the client. */
  get isWaitedFor(): boolean {
    return this.#isBusy && !this.#isHeadSent
  }

  /** Whether the client takes a reply. */
  get isSending(): boolean {
    return this.#isBusy && this.#isHeadSent
  }

  /** Ends the connection: now if it is idle, otherwise after the reply that is being made. */
  stop(): void {
    if (!this.#isBusy) this.#destroy()
  }

  readonly #destroy = (): void => void this.#socket.destroy()

  readonly #end = (): void => {
    this.#hasEnded = true
    if (!this.#isBusy && !this.#isLeaving) this.#socket.end()
  }

  readonly #receive = (bytes: Buffer): void => {
    if (this.#isLeaving) {
      this.#keep(bytes)
      return
    }
    if (this.#isBusy) {
      this.#keep(bytes)
      this.#socket.pause()
      return
    }
    const head = readHead(bytes, this.#previous)
    const end = head ? head.bodyStart + head.bodyBytes : 0
    if (!head || end > bytes.length) {
      this.#leave(bytes)
      return
    }
    this.#previous = head
    if (end < bytes.length) this.#rest = bytes.subarray(end)
    this.#isBusy = true
    const body = bytes.subarray(head.bodyStart, end)
    void this.#serve({ ...head, body, socket: this.#socket })
  }

  #keep(bytes: Buffer): void {
    this.#rest = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes
  }

  /**
   * Hands the connection over, once the socket has no bytes in its own buffer: `node:http` reads
   * past that buffer, so later bytes would overtake these.
   */
  #leave(bytes: Buffer): void {
    if (!this.#socket.isPaused() && this.#socket.readableLength === 0) {
      this.#handOver(bytes)
      return
    }
    this.#isLeaving = true
    this.#rest = bytes
    this.#socket.resume()
    setImmediate(() => this.#handOver(this.#rest ?? bytes))
  }

  #handOver(bytes: Buffer): void {
    this.#socket.off('data', this.#receive)
    this.#socket.off('end', this.#end)
    this.#socket.off('error', this.#destroy)
    this.#parts.handOver(this.#socket, { bytes, isEnd: this.#hasEnded })
  }

  async #serve(message: DirectMessage): Promise<void> {
    try {
      const reply = await this.#parts.answer(message)
      if (this.#socket.destroyed) await closeUnread(reply)
      else if (isShortReply(reply)) this.#parts.later(() => this.#send(message, reply))
      else await this.#stream(message, reply)
    } catch (error) {
      this.#giveUp(message, error)
    }
  }

  #send(message: DirectMessage, reply: WholeReply): void {
    try {
      const hasBody = mayHaveBody(message, reply)
      const isLast = this.#isLast() || asksToClose(reply.headers)
      const length = hasBody ? lengthOf(reply.body) : undefined
      const head = this.#parts.replyHead.write({ ...reply, length, isLast })
      this.#isHeadSent = true
      const hasRoom = hasBody ? this.#write(head, reply.body) : this.#socket.write(head, 'latin1')
      this.#goOn(message, { isLast, hasRoom })
    } catch (error) {
      this.#giveUp(message, error)
    }
  }

  #write(head: string, body: Bytes | string): boolean {
    const length = lengthOf(body)
    if (length > limits.httpCopiedBodyBytesMax) {
      this.#socket.cork()
      this.#socket.write(head, 'latin1')
      const hasRoom = this.#socket.write(body)
      this.#socket.uncork()
      return hasRoom
    }
    const bytes = Buffer.allocUnsafe(head.length + length)
    bytes.write(head, 0, 'latin1')
    if (typeof body === 'string') bytes.write(body, head.length, 'utf8')
    else bytes.set(body, head.length)
    return this.#socket.write(bytes)
  }

  async #stream(message: DirectMessage, reply: HttpReply): Promise<void> {
    const giveBack = this.#parts.takeRoom(reply, message)
    try {
      if (giveBack) await this.#streamNow(message, reply)
      else await closeUnread(reply)
    } finally {
      giveBack?.()
    }
    if (giveBack) return
    const refusal = this.#parts.refusalReply(message, noRoom)
    this.#parts.later(() => this.#send(message, refusal))
  }

  async #streamNow(message: DirectMessage, reply: HttpReply): Promise<void> {
    const isLast = this.#isLast() || asksToClose(reply.headers)
    const hasBody = mayHaveBody(message, reply)
    const isChunked = hasBody && !Object.keys(reply.headers).some(isContentLength)
    const length = isChunked ? 'chunked' : undefined
    const head = await orClosed(reply, () =>
      this.#parts.replyHead.write({ ...reply, length, isLast }),
    )
    this.#isHeadSent = true
    this.#socket.write(head, 'latin1')
    if (hasBody) await this.#writeBody(reply, isChunked)
    else await closeUnread(reply)
    if (this.#socket.destroyed) return
    this.#goOn(message, { isLast, hasRoom: !this.#socket.writableNeedDrain })
  }

  async #writeBody(reply: HttpReply, isChunked: boolean): Promise<void> {
    const release = reply.signal && cutOff(this.#socket, reply.signal)
    try {
      await writeBody(reply, this.#socket, { isChunked })
    } finally {
      if (release) this.#socket.write('', release) // called once everything before it is sent
    }
  }

  #isLast(): boolean {
    return this.#parts.isStopping() || (this.#hasEnded && !this.#rest)
  }

  /** Goes on with the next request, once the client has taken enough of this reply. */
  #goOn(message: DirectMessage, { isLast, hasRoom }: { isLast: boolean; hasRoom: boolean }): void {
    if (!hasRoom) this.#parts.holdUnsent(message)
    if (isLast) this.#socket.destroySoon()
    else if (hasRoom) this.#next()
    else this.#socket.once('drain', () => this.#next())
  }

  #next(): void {
    this.#isBusy = false
    this.#isHeadSent = false
    if (this.#isLast()) {
      this.#socket.destroySoon()
      return
    }
    const rest = this.#rest
    this.#rest = undefined
    if (rest) this.#receive(rest)
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  #giveUp(message: DirectMessage, error: unknown): void {
    this.#parts.logFailure(message, error)
    if (this.#isHeadSent) this.#socket.destroy()
    else this.#send(message, this.#parts.refusalReply(message, failed))
  }
}

/** RFC 9110, 6.4.1. */
function mayHaveBody({ method }: DirectMessage, { status }: HttpReply): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304
}

function lengthOf(body: Bytes | string): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.length
}
