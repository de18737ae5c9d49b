import { Agent, type IncomingMessage, request } from 'node:http'
import type { LocalReply, LocalRequest } from '../../composition/local-doors.ts'
import type { LocalServer } from '../../installation/folder/data-folder.ts'

/** Calls the server that has the data folder open, with the rights of the folder's owner. */
export class ServerLink {
  readonly url: string
  readonly #url: URL
  readonly #secret: string
  /** Not the global agent: the secret must not go to a proxy that the environment names. */
  readonly #agent = new Agent({ keepAlive: true })

  constructor({ url, secret }: LocalServer) {
    this.url = url
    this.#url = new URL(url)
    this.#secret = secret
  }

  /** Rejects with Node's error if the server can't be reached. `signal` ends the wait. */
  async ask(
    { method, path, query, body }: LocalRequest,
    signal?: AbortSignal,
  ): Promise<LocalReply> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const bytes = Buffer.from(body)
    const sent = request({
      host: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port,
      method,
      path: query === '' ? path : `${path}?${query}`,
      agent: this.#agent,
      ...(signal && { signal }),
      headers: {
        Host: this.#url.host,
        Authorization: `Bearer ${this.#secret}`,
        'Content-Type': 'application/json',
        'Content-Length': bytes.length,
      },
    })
    sent.on('response', resolve)
    sent.on('error', reject)
    sent.end(bytes)
    const reply = await promise
    const parts = await Array.fromAsync<Buffer>(reply)
    return { status: reply.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }
  }

  async close(): Promise<void> {
    this.#agent.destroy()
  }
}
