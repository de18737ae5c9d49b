import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * Whether a connection is cut at what its client just sent, and before or after it went on. `held`:
 * it is never sent on, and nobody is told.
 */
export type Cut = 'no' | 'before' | 'after' | 'held'

/** A TCP proxy on 127.0.0.1 that cuts connections as `cutAt` says of each piece that passes. */
export class CuttingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  cutAt: (sent: Buffer) => Cut = () => 'no'

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#join(client, targetPort))
  }

  static async start(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(client: Socket, targetPort: number): void {
    const target = connect(targetPort, '127.0.0.1')
    this.#keep(client, () => target.destroy())
    this.#keep(target, () => client.destroy())
    target.pipe(client)
    client.on('data', (sent: Buffer) => {
      const cut = this.cutAt(sent)
      if (cut === 'held') return
      if (cut !== 'before') target.write(sent)
      if (cut === 'no') return
      // The target reads all that was sent before it learns that nobody listens.
      client.removeAllListeners('close').on('close', () => this.#sockets.delete(client))
      target.unpipe()
      target.resume()
      target.end()
      client.destroy()
    })
  }

  #keep(socket: Socket, ended: () => void): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#sockets.delete(socket)
      ended()
    })
  }
}
