import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

interface Target {
  readonly url: string
  /** Undefined: no token is sent. */
  readonly token?: string | undefined
  readonly path: string
}

const pokeMs = 20

/**
 * A PUT on a new connection: the server has accepted the body, and then the client pauses.
 */
export class SlowUpload {
  readonly #outgoing: ClientRequest
  readonly #rest: Buffer
  /** The status of the reply, which may come before all bytes are sent. */
  readonly status: Promise<number>
  /** Resolves when the server has closed the connection, or all bytes are sent. */
  readonly closed: Promise<void>

  private constructor(outgoing: ClientRequest, { rest }: { rest: Buffer }) {
    this.#outgoing = outgoing
    this.#rest = rest
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      incoming.resume()
      resolve(incoming.statusCode ?? 0)
    })
    // Callers that wait for `status` still get the error.
    promise.catch(() => undefined)
    this.status = promise
    const closed = Promise.withResolvers<void>()
    outgoing.on('close', closed.resolve)
    this.closed = closed.promise
  }

  /** Resolves when the server accepts the body and its first `sent` bytes are sent. */
  static async begin(
    target: Target & { readonly method?: string; readonly contentType?: string },
    body: Buffer,
    { sent }: { sent: number },
  ): Promise<SlowUpload> {
    const { method = 'PUT', contentType } = target
    const outgoing = request(`${target.url}${target.path}`, {
      method,
      agent: false,
      headers: {
        ...(contentType && { 'Content-Type': contentType }),
        ...authorization(target),
        'Content-Length': body.length,
        Expect: '100-continue',
      },
    })
    const upload = new SlowUpload(outgoing, { rest: body.subarray(sent) })
    outgoing.flushHeaders()
    await Promise.race([once(outgoing, 'continue'), upload.status])
    outgoing.write(body.subarray(0, sent))
    return upload
  }

  /** Sends the rest and returns the status. */
  async finish(): Promise<number> {
    this.#outgoing.end(this.#rest)
    return this.status
  }

  /** Breaks the connection off. */
  abort(): void {
    this.#outgoing.destroy()
  }
}

/** A GET on a new connection: the reply has begun, and the client does not read on. */
export class SlowDownload {
  readonly #incoming: IncomingMessage

  private constructor(incoming: IncomingMessage) {
    this.#incoming = incoming
  }

  static async begin(target: Target): Promise<SlowDownload> {
    const outgoing = request(`${target.url}${target.path}`, {
      agent: false,
      headers: authorization(target),
    })
    // A caller that reads on gets the error from the reply itself.
    outgoing.on('error', () => undefined)
    outgoing.end()
    const [incoming]: IncomingMessage[] = await once(outgoing, 'response')
    if (!incoming) throw new Error('There was no reply.')
    return new SlowDownload(incoming)
  }

  get status(): number {
    return this.#incoming.statusCode ?? 0
  }

  /** Whether the reply is complete. */
  get isWhole(): boolean {
    return this.#incoming.complete
  }

  /**
   * Resolves when the server has closed the connection. A client that does not read sees this only
   * when it writes, so this writes empty lines, which are allowed between requests (RFC 9112, 2.2).
   */
  async closed(): Promise<void> {
    const { socket } = this.#incoming
    const timer = setInterval(() => socket.write('\r\n'), pokeMs)
    await closeOf(socket)
    clearInterval(timer)
  }

  /** Reads part by part until the reply ends or breaks off. Returns the number of bytes. */
  async drain({ pauseMs }: { pauseMs: number }): Promise<number> {
    let count = 0
    try {
      for await (const part of this.#incoming) {
        count += part.length
        await sleep(pauseMs)
      }
    } catch (error) {
      if (this.isWhole) throw error
    }
    return count
  }

  /** Reads the rest, with a pause after each of the first `pauses` parts. */
  async finish({ pauses = 0, pauseMs = 0 } = {}): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const part of this.#incoming) {
      parts.push(part)
      if (parts.length <= pauses) await sleep(pauseMs)
    }
    return Buffer.concat(parts)
  }

  /** Breaks the connection off. */
  abort(): void {
    this.#incoming.destroy()
  }
}

function authorization({ token }: Target): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` }
}

function closeOf(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('error', () => undefined)
  socket.on('close', () => resolve())
  if (socket.destroyed) resolve()
  return promise
}

/** Whether the promise settles in time. It should do so within a second. */
export async function happens(event: Promise<unknown>): Promise<boolean> {
  const patienceMs = 5_000
  const late = new AbortController()
  const happened = await Promise.race([
    event.then(() => true),
    sleep(patienceMs, false, { signal: late.signal }),
  ])
  late.abort()
  return happened
}
