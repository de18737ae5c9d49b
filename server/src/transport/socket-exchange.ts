import type { Awaitable } from '../core/kernel/awaitable.ts'
import type { HttpRequest } from './exchange.ts'

/** The handshake of a WebSocket as doors see it. Read it at once; do not keep it. */
export interface UpgradeRequest
  extends Pick<HttpRequest, 'path' | 'query' | 'header' | 'peer' | 'isForwarded'> {
  /** The origin of the page that connects; undefined if no browser does. */
  readonly origin: string | undefined
}

/** The reply in plain HTTP that refuses a WebSocket. */
export interface UpgradeRefusal {
  /** From 400 on. */
  readonly status: number
  /** A sentence for people. */
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * A long text in pieces, which go out as one message. Joining them would hold up everybody else.
 * No piece ends between the two halves of a surrogate pair.
 */
export interface LongAnswer {
  readonly pieces: readonly string[]
  /** Of all pieces, in UTF-16 units. */
  readonly length: number
}

export type AnswerText = string | LongAnswer

/**
 * The door must call it exactly once for every message, at once or later; undefined: without an
 * answer. Before that it may call it with parts of the answer (`goesOn`). Answers go out in the
 * order of the messages, whatever order they are given in. Never throws; once the connection has
 * ended, it does nothing.
 */
export type Reply = (answer?: AnswerText, options?: { readonly goesOn: boolean }) => void

/** The room for the answer to one message. It is given back once the message is answered. */
export interface MessageRoom {
  /** False once the connection has ended: then all work for the answer is in vain. */
  readonly isOpen: boolean
  /**
   * Must be called before so many more bytes are read or made for the answer. Waits until they fit
   * within the bounds of the connection and of all connections. Throws `store-busy` if that takes
   * too long, or if the connection has ended.
   */
  take(bytes: number): Awaitable<void>
  /** Gives back what is not needed any more before the answer. */
  give(bytes: number): void
}

/** The door's side of one connection. */
export interface SocketSession {
  /** Whose connection it is: connections of one owner share bounds. */
  readonly owner?: string
  /**
   * A text, or the bytes of a binary frame. Messages come in order, many of them before the first
   * is answered. If it throws, the connection is closed with code 1011.
   */
  receive(message: string | Uint8Array, reply: Reply, room: MessageRoom): void
  /** The connection has ended: nothing comes or goes out any more. Called once. */
  close(): void
}

/** How a door ends a connection. */
export interface SocketControl {
  /**
   * Messages without an answer stay unanswered. `code` is one of RFC 6455, 7.4. The reason is cut
   * to the 123 bytes that fit. Never throws.
   */
  close(code: number, reason: string): void
  /**
   * Sends texts that answer no message. Resolves once the client has taken them, or the connection
   * has ended: whoever sends more before that makes the server hold it. Never rejects.
   */
  push(texts: readonly string[]): Promise<void>
}

/** A front door of WebSockets. If `accept` throws, the handshake ends with status 500. */
export interface SocketDoor {
  accept(request: UpgradeRequest, control: SocketControl): Accepted | Promise<Accepted>
}

export type Accepted = SocketSession | UpgradeRefusal
