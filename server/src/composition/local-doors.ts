import { WholeSource } from '../core/kernel/byte-source.ts'
import type { HttpHandler, HttpReply } from '../transport/exchange.ts'

/** A request of a user who may read the data folder. */
export interface LocalRequest {
  readonly method: string
  /** Percent-encoded, without the query. */
  readonly path: string
  /** The part after the `?`; '' for none. */
  readonly query: string
  /** JSON; '' for none. */
  readonly body: string
}

export interface LocalReply {
  readonly status: number
  readonly body: string
}

interface Doors {
  readonly handler: HttpHandler
  /** Proves that the caller may read the data folder. */
  readonly secret: string
  /** The URL that links begin with. */
  readonly baseUrl: string
  close(): Promise<void>
}

const loopback = '127.0.0.1'

/** The doors of a folder that no server has open. They are called directly, without a socket. */
export class LocalDoors {
  readonly #doors: Doors

  constructor(doors: Doors) {
    this.#doors = doors
  }

  /** Passes on a request as if it came through a socket from this machine. */
  async ask({ method, path, query, body }: LocalRequest): Promise<LocalReply> {
    const { handler, secret, baseUrl } = this.#doors
    const bytes = Buffer.from(body)
    const headers: Readonly<Record<string, string>> = {
      authorization: `Bearer ${secret}`,
      'content-type': 'application/json',
      'content-length': String(bytes.length),
    }
    const reply = await handler({
      method,
      path,
      query,
      header: (name) => headers[name],
      baseUrl,
      peer: loopback,
      isForwarded: false,
      body: new WholeSource(bytes),
    })
    return { status: reply.status, body: await textOf(reply) }
  }

  /** Writes what is only in memory, and closes the folder. */
  close(): Promise<void> {
    return this.#doors.close()
  }
}

async function textOf({ body }: HttpReply): Promise<string> {
  if (typeof body === 'string') return body
  const parts = body instanceof Uint8Array ? [body] : await Array.fromAsync(body)
  return Buffer.concat(parts).toString('utf8')
}
