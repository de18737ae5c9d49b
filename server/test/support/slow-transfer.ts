import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

interface Target {
  readonly url: string
  readonly token: string
  readonly path: string
}

/** A PUT on a connection of its own that the server has begun to answer and that then stands still. */
export class SlowUpload {
  readonly #outgoing: ClientRequest
  readonly #rest: Buffer
  readonly #broken: Promise<never>

  private constructor(outgoing: ClientRequest, { rest }: { rest: Buffer }) {
    this.#outgoing = outgoing
    this.#rest = rest
    const { promise, reject } = Promise.withResolvers<never>()
    outgoing.on('error', reject)
    // Whoever waits for this upload is told as well.
    promise.catch(() => undefined)
    this.#broken = promise
  }

  /** Resolves once the server takes the body and was sent the first `sent` bytes of it. */
  static async begin(
    target: Target,
    body: Buffer,
    { sent }: { sent: number },
  ): Promise<SlowUpload> {
    const outgoing = request(`${target.url}${target.path}`, {
      method: 'PUT',
      agent: false,
      headers: {
        Authorization: `Bearer ${target.token}`,
        'Content-Length': body.length,
        Expect: '100-continue',
      },
    })
    const upload = new SlowUpload(outgoing, { rest: body.subarray(sent) })
    outgoing.flushHeaders()
    await Promise.race([once(outgoing, 'continue'), upload.#broken])
    outgoing.write(body.subarray(0, sent))
    return upload
  }

  /** Sends the rest and answers the status. */
  async finish(): Promise<number> {
    this.#outgoing.end(this.#rest)
    const [incoming]: IncomingMessage[] = await Promise.race([
      once(this.#outgoing, 'response'),
      this.#broken,
    ])
    incoming?.resume()
    return incoming?.statusCode ?? 0
  }

  /** Goes away in the middle of it. */
  abort(): void {
    this.#outgoing.destroy()
  }
}

/** A GET on a connection of its own whose reply has begun and is not read on. */
export class SlowDownload {
  readonly #incoming: IncomingMessage

  private constructor(incoming: IncomingMessage) {
    this.#incoming = incoming
  }

  static async begin(target: Target): Promise<SlowDownload> {
    const outgoing = request(`${target.url}${target.path}`, {
      agent: false,
      headers: { Authorization: `Bearer ${target.token}` },
    })
    outgoing.end()
    const [incoming]: IncomingMessage[] = await once(outgoing, 'response')
    if (!incoming) throw new Error('There was no reply.')
    return new SlowDownload(incoming)
  }

  get status(): number {
    return this.#incoming.statusCode ?? 0
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

  /** Goes away in the middle of it. */
  abort(): void {
    this.#incoming.destroy()
  }
}
