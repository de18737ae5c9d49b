import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * Whether to cut the connection when the client sends a piece of data: not, before the piece is
 * forwarded, or after. `held`: the piece is never forwarded, and the connection stays open.
 */
export type Cut = 'no' | 'before' | 'after' | 'held'

/** A TCP proxy on 127.0.0.1 that asks `cutAt` for each piece whether to cut the connection. */
export class CuttingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  cutAt: (sent: Buffer) => Cut = () => 'no'
  /** After so many bytes a connection gets nothing more from the target, and stays open. */
  repliedBytesMax = Number.POSITIVE_INFINITY

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#join(client, targetPort))
  }

  /** `port`: where it listens; without it, at a free one. */
  static async start(targetPort: number, port = 0): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort)
    await new Promise<void>((resolve) => proxy.#server.listen(port, '127.0.0.1', resolve))
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
    let replied = 0
    target.on('data', (reply: Buffer) => {
      replied += reply.length
      if (replied <= this.repliedBytesMax) client.write(reply)
      else target.pause()
    })
    target.on('end', () => client.end())
    client.on('data', (sent: Buffer) => {
      const cut = this.cutAt(sent)
      if (cut === 'held') return
      if (cut !== 'before') target.write(sent)
      if (cut === 'no') return
      // The target reads all data that was sent before it sees the end of the connection.
      client.removeAllListeners('close').on('close', () => this.#sockets.delete(client))
      target.removeAllListeners('data').resume()
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
