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

/** On some systems a connection to the "any" address does not reach this machine. */
export function localAddressOf(address: string): string {
  if (address === '::') return '::1'
  return address === '0.0.0.0' || address === '::ffff:0.0.0.0' ? '127.0.0.1' : address
}
