import type { ByteSource } from '../core/kernel/byte-source.ts'
import type { Bytes } from '../core/kernel/bytes.ts'

/** A request as doors see it, whatever carried it. */
export interface HttpRequest {
  readonly method: string
  /** As sent: still percent-encoded, without the query. */
  readonly path: string
  /** As sent: what stands behind the `?`; '' for none. */
  readonly query: string
  /**
   * Names in lower case; of a repeated header the values are joined as RFC 9110 says, or the first.
   */
  header(name: string): string | undefined
  /**
   * How the client addressed this server, without a slash at the end: for links that lead back
   * here.
   */
  readonly baseUrl: string
  /**
   * The IP address at the other end of the connection, which may be a proxy's; '' if the client is
   * gone before anyone asks.
   */
  readonly peer: string
  /** True where the request says that a proxy passed it on. */
  readonly isForwarded: boolean
  readonly body: ByteSource
}

export interface HttpReply {
  readonly status: number
  /** The reply's own: whoever passes it on may add some. */
  readonly headers: Record<string, string | number>
  /** Streamed bodies are read as fast as the client takes them, and closed when it goes away. */
  readonly body: Bytes | string | AsyncIterable<Bytes>
  /** A streamed reply is cut off when it is aborted. */
  readonly signal?: AbortSignal
}

/** A front door of HTTP. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpReply>
