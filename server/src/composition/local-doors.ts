import { type ByteSource, WholeSource } from '../core/kernel/byte-source.ts'
import { StorageError } from '../core/kernel/errors.ts'
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

/** A request whose value is streamed. */
export interface StreamedRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  /** In lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: AsyncIterable<Uint8Array> | undefined
}

export interface StreamedReply {
  readonly status: number
  /** In lower case; a repeated header has its last value. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Uint8Array>
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

  /** As `ask`, for values of any length. Throws what the body throws. */
  async stream({
    method,
    path,
    query,
    headers,
    body = nothing(),
  }: StreamedRequest): Promise<StreamedReply> {
    const { handler, secret, baseUrl } = this.#doors
    const all: Readonly<Record<string, string>> = { ...headers, authorization: `Bearer ${secret}` }
    const source = new StreamSource(body)
    const reply = await handler({
      method,
      path,
      query,
      header: (name) => all[name],
      baseUrl,
      peer: loopback,
      isForwarded: false,
      body: source,
    })
    source.throwFailure()
    const named = Object.entries(reply.headers).map(([name, value]) => [
      name.toLowerCase(),
      String(value),
    ])
    return { status: reply.status, headers: Object.fromEntries(named), body: partsOf(reply) }
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

async function* partsOf({ body }: HttpReply): AsyncGenerator<Uint8Array> {
  if (typeof body === 'string') yield Buffer.from(body)
  else if (body instanceof Uint8Array) yield body
  else yield* body
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Bytes that are taken from a stream. */
class StreamSource implements ByteSource {
  readonly #parts: AsyncIterator<Uint8Array>
  #rest: Uint8Array = Buffer.alloc(0)
  #failure: { readonly error: unknown } | undefined

  constructor(parts: AsyncIterable<Uint8Array>) {
    this.#parts = parts[Symbol.asyncIterator]()
  }

  async take(count: number): Promise<Uint8Array> {
    const taken: Uint8Array[] = []
    let length = 0
    while (length < count) {
      const part = this.#rest.length > 0 ? this.#rest : await this.#next()
      if (!part) break
      const wanted = part.subarray(0, count - length)
      this.#rest = part.subarray(wanted.length)
      taken.push(wanted)
      length += wanted.length
    }
    return Buffer.concat(taken)
  }

  /** What reading threw, which no reply names. */
  throwFailure(): void {
    if (this.#failure) throw this.#failure.error
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#parts.next()
      return done ? undefined : value
    } catch (error) {
      this.#failure = { error }
      throw new StorageError('upload-aborted', 'The value could not be read to its end.')
    }
  }
}
