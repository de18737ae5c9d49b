/** What the load generator is asked to do: one message to its process. */
export interface LoadPlan {
  readonly port: number
  /** Connections, each with one request at a time. */
  readonly clients: number
  /** Whole requests as they go over the wire. */
  readonly requests: readonly Uint8Array[]
  /** Picks requests at random for so many ms; 'once': sends each once, in order. */
  readonly duration: number | 'once'
  /** What every reply must be. */
  readonly expected: Expected
}

export interface Expected {
  readonly status: number
  /** Content-Length; undefined: any. */
  readonly bodyBytes?: number
  /** True for HEAD: the length is said, and nothing comes. */
  readonly isHead?: boolean
}

/** The same for WebSockets: messages that are sent ahead of their replies. */
export interface SocketPlan {
  readonly port: number
  /** Of the handshake. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  /** How many messages of each connection are under way. */
  readonly depth: number
  /** Texts in turn, from another one in each connection. Each gets one reply. */
  readonly messages: readonly string[]
  /** ms */
  readonly duration: number
  /** How every reply begins; a text of ASCII. */
  readonly replyStart: string
}

/** What it answers. */
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
