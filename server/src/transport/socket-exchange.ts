import type { HttpRequest } from './exchange.ts'

/** The handshake of a WebSocket as doors see it. It is there to be read at once, not to be kept. */
export interface UpgradeRequest
  extends Pick<HttpRequest, 'path' | 'query' | 'header' | 'peer' | 'isForwarded'> {
  /** Of the page that connects, where a browser does. */
  readonly origin: string | undefined
}

/** Why there is no WebSocket, said in plain HTTP. */
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
 * Is called exactly once for every message, at once or later. Answers go out in the order of the
 * messages, whatever order they are given in. Never throws; once the connection has ended, it does
 * nothing.
 */
export type Reply = (answer?: Answer) => void

/** What a door knows of one connection. */
export interface SocketSession {
  /**
   * A text, or the bytes of a binary frame. Messages come in order, many of them before the first
   * is answered. If it throws, the connection is closed with code 1011.
   */
  receive(message: string | Uint8Array, reply: Reply): void
  /** Nothing comes any more and nothing goes out. Called once. */
  close(): void
}

/** How a door ends a connection. */
export interface SocketControl {
  /**
   * What is not answered yet stays unanswered. `code` is one of RFC 6455, 7.4; of the reason goes
   * out what fits into 123 bytes. Never throws.
   */
  close(code: number, reason: string): void
}

/** A front door of WebSockets. What it throws ends the handshake with status 500. */
export interface SocketDoor {
  accept(request: UpgradeRequest, control: SocketControl): Accepted | Promise<Accepted>
}

export type Accepted = SocketSession | UpgradeRefusal
