import type { Pace } from '../../waiting/pace.ts'
import type { NemesisConnectionError, NemesisError } from '../answers/errors.ts'
import type { WebSocketConstructor } from './socket.ts'

/** What happened to the connection. */
export type ConnectionEvent =
  | { readonly kind: 'open' }
  /** `willReconnect`: the client tries to connect again. */
  | { readonly kind: 'lost'; readonly why: string; readonly willReconnect: boolean }
  /** An attempt to connect failed; another one follows. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** `close` was called, and the connection has ended. */
  | { readonly kind: 'closed' }

export interface ConnectionOptions {
  /** Includes the API token. */
  readonly url: URL
  readonly WebSocket: WebSocketConstructor
  readonly signal?: AbortSignal | undefined
  /** Undefined: a lost connection is not made again. */
  readonly pace: Pace | undefined
  readonly bounds: ConnectionBounds
  onQuietError(error: NemesisError | NemesisConnectionError): void
  onConnection(event: ConnectionEvent): void
}

/** Times are in milliseconds. */
export interface ConnectionBounds {
  /** Further attempts for the first connection. */
  readonly connectRetries: number
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  /** After this time without a message, also none to a probe, the connection counts as lost. */
  readonly silenceMs: number
  /** Commands that wait for the connection or for their answers. */
  readonly waitingMax: number
  /** Characters that were not sent yet. */
  readonly unsentMax: number
}

export const usualBounds: ConnectionBounds = {
  connectRetries: 0,
  connectTimeoutMs: 10_000,
  commandTimeoutMs: 60_000,
  silenceMs: 30_000,
  waitingMax: 100_000,
  unsentMax: 67_108_864,
}

/** How long a close may take after the last answer: a dead link answers none. */
export const closeMs = 5_000
