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
 * Connections beyond `connectionsMax` are closed at once, and the log says so. Without a limit, a
 * process that has as many open files as it may have drops connections without a word.
 */
export function limitConnections(
  server: Server,
  connectionsMax: number,
  logError: (message: string, cause: unknown) => void,
): void {
  server.maxConnections = connectionsMax
  server.on('drop', () => logError(tooManyConnections(connectionsMax), undefined))
}

/** The line of the log for connections that are closed because of all others. */
export function tooManyConnections(connectionsMax: number): string {
  const why = `${connectionsMax} are open, as many as this server or \`ulimit -n\` allows`
  return `Connections are cut off: ${why}`
}
