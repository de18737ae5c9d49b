import type { Server } from 'node:net'

/**
 * Resolves once a server listens; port 0 is any free one. Rejects with Node's error, such as
 * EADDRINUSE.
 */
export function listenOn(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, host, () => {
    server.off('error', reject)
    resolve()
  })
  return promise
}

/** The port that a server listens on; 0 if it does not listen. */
export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

/**
 * How many connections there may be on several ports together. Those beyond are closed at once, and
 * the log says so. Without a limit, a process that has as many open files as it may have drops
 * connections without a word.
 */
export class ConnectionLimit {
  readonly #connectionsMax: number
  readonly #logError: (message: string, cause: unknown) => void
  /** By server: how many are open. */
  readonly #open = new Map<Server, number>()

  constructor(connectionsMax: number, logError: (message: string, cause: unknown) => void) {
    this.#connectionsMax = connectionsMax
    this.#logError = logError
  }

  /** From now on the connections of this server count as well. */
  include(server: Server): void {
    this.#open.set(server, 0)
    server.on('connection', (socket) => {
      this.#count(server, 1)
      socket.once('close', () => this.#count(server, -1))
    })
    server.on('drop', () => this.#logDrop())
    server.on('error', (error) => this.#logError('A connection could not be accepted', error))
    this.#share()
  }

  #count(server: Server, change: 1 | -1): void {
    this.#open.set(server, (this.#open.get(server) ?? 0) + change)
    this.#share()
  }

  /** Each server may have what the others leave. */
  #share(): void {
    const all = [...this.#open.values()].reduce((sum, open) => sum + open, 0)
    for (const [server, open] of this.#open) {
      server.maxConnections = Math.max(0, this.#connectionsMax - (all - open))
    }
  }

  #logDrop(): void {
    const why = `${this.#connectionsMax} are open, and this process may open no more files`
    this.#logError(`New connections are closed at once: ${why} (ulimit -n)`, undefined)
  }
}
