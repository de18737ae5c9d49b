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

/** One text, several, or undefined for nothing. */
export type Answer = string | readonly string[] | undefined

/**
 * The door must call it exactly once for every message, at once or later. Before that it may call
 * it with parts of the answer (`goesOn`). Answers go out in the order of the messages, whatever
 * order they are given in. Never throws; once the connection has ended, it does nothing.
 */
export type Reply = (answer?: Answer, options?: { readonly goesOn: boolean }) => void

/** The door's side of one connection. */
export interface SocketSession {
  /**
   * A text, or the bytes of a binary frame. Messages come in order, many of them before the first
   * is answered. If it throws, the connection is closed with code 1011.
   */
  receive(message: string | Uint8Array, reply: Reply): void
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
}

/** A front door of WebSockets. If `accept` throws, the handshake ends with status 500. */
export interface SocketDoor {
  accept(request: UpgradeRequest, control: SocketControl): Accepted | Promise<Accepted>
}

export type Accepted = SocketSession | UpgradeRefusal
