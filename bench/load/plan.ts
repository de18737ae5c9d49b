/** A task for the load generator, sent to its process as one message. */
export interface LoadPlan {
  readonly port: number
  /** Connections, each with one request at a time. */
  readonly clients: number
  /** Whole requests as they go over the wire. */
  readonly requests: readonly Uint8Array[]
  /** How many ms to send requests picked at random; 'once': sends each one once, in order. */
  readonly duration: number | 'once'
  /** What every reply must be. */
  readonly expected: Expected
}

export interface Expected {
  readonly status: number
  /** Content-Length; undefined: any. */
  readonly bodyBytes?: number
  /** True for HEAD: the reply has a length, but no body. */
  readonly isHead?: boolean
}

/** The same for WebSockets: messages are sent without waiting for replies. */
export interface SocketPlan {
  readonly port: number
  /** The path of the handshake. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  /** How many messages of each connection are in flight. */
  readonly depth: number
  /** The texts, sent in turn; each connection begins with another one. Each text gets one reply. */
  readonly messages: readonly string[]
  /** In ms. */
  readonly duration: number
  /** How every reply begins, in ASCII. */
  readonly replyStart: string
}

/** The answer of the load generator. */
export type LoadAnswer =
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string }

export interface LoadResult {
  readonly requestCount: number
  readonly elapsedMs: number
  /** From the last byte handed to the socket to the last byte of the reply. */
  readonly medianMs: number
  readonly p99Ms: number
  /** User and system time of the generator itself. */
  readonly generatorCpuMs: number
}
