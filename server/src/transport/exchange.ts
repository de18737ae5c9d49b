import type { ByteSource } from '../core/kernel/byte-source.ts'
import type { Bytes } from '../core/kernel/bytes.ts'

/** A request as doors see it, whatever transport carried it. */
export interface HttpRequest {
  readonly method: string
  /** As sent: still percent-encoded, without the query. */
  readonly path: string
  /** As sent: the part behind the `?`; '' for none. */
  readonly query: string
  /**
   * `name` is in lower case. The values of a repeated header are joined as RFC 9110 says, or the
   * first is returned.
   */
  header(name: string): string | undefined
  /**
   * The URL by which the client addressed this server, without a slash at the end: for links that
   * lead back here.
   */
  readonly baseUrl: string
  /**
   * The IP address of the client: the other end of the connection, or, if that is a trusted proxy,
   * the address that the proxy names. '' if the client is gone before anyone asks.
   */
  readonly peer: string
  /** True if the request says that a proxy forwarded it. */
  readonly isForwarded: boolean
  readonly body: ByteSource
  /**
   * Counts what is held of a long body for this user from now on, and not for the address any more.
   * Undefined if nothing has to be counted.
   */
  countFor?(owner: string): void
}

export interface HttpReply {
  readonly status: number
  /** This object belongs to the reply: code that passes the reply on may add headers. */
  readonly headers: Record<string, string | number>
  /** Streamed bodies are read as fast as the client takes them, and closed when it goes away. */
  readonly body: Bytes | string | AsyncIterable<Bytes>
  /** A streamed reply is cut off when this signal is aborted. */
  readonly signal?: AbortSignal
  /** Only of a reply that has no end of its own, such as a stream of events. */
  readonly openEnd?: OpenEnd
}

/** How a reply ends that has no end of its own. */
export interface OpenEnd {
  /** About how many bytes it holds for its client at most, ... */
  readonly bytesMax: number
  /** ... and calls `holds` with how many these are, whenever that has changed. */
  count(holds: (bytes: number) => void): void
  /** Called when the client has gone, or the server stops: then the body must end at once. */
  end(): void
}

/** A front door of HTTP. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpReply>
