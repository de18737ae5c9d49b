import { BytesSource } from '../core/values/value.ts'
import type { HttpHandler, HttpReply } from '../transport/exchange.ts'

/** A request of whoever may read the data folder. */
export interface LocalRequest {
  readonly method: string
  /** Percent-encoded, without the query. */
  readonly path: string
  /** What stands behind the `?`; '' for none. */
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
  /** What says that the data folder may be read. */
  readonly secret: string
  /** What links begin with. */
  readonly baseUrl: string
  close(): Promise<void>
}

const loopback = '127.0.0.1'

/** The doors of a folder that nobody serves: no socket leads to them. */
export class LocalDoors {
  readonly #doors: Doors

  constructor(doors: Doors) {
    this.#doors = doors
  }

  /** Passes a request as it would come through a socket of this machine. */
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
      body: new BytesSource(bytes),
    })
    return { status: reply.status, body: await textOf(reply) }
  }

  /** Writes what is only in memory, and lets go of the folder. */
  close(): Promise<void> {
    return this.#doors.close()
  }
}

async function textOf({ body }: HttpReply): Promise<string> {
  if (typeof body === 'string') return body
  const parts = body instanceof Uint8Array ? [body] : await Array.fromAsync(body)
  return Buffer.concat(parts).toString('utf8')
}
