import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '../../core/kernel/limits.ts'
import { connectionError, SilenceError } from './connection-errors.ts'

export interface CallOptions {
  /** The server's address, for messages. */
  readonly url: string
  /** How long the server may take and send nothing; undefined: for any time. */
  readonly silenceMs: number | undefined
}

/** One request on its way, and its reply. Throws ConnectionError and SilenceError. */
export class ServerCall {
  readonly #request: ClientRequest
  readonly #options: CallOptions
  readonly #reply: Promise<IncomingMessage>
  /** Resolves once there is a reply, or will be none. */
  readonly #answered: Promise<undefined>

  constructor(request: ClientRequest, options: CallOptions) {
    this.#request = request
    this.#options = options
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    request.on('response', resolve)
    request.on('error', reject)
    this.#reply = promise
    const answered = (): undefined => undefined
    this.#answered = promise.then(answered, answered)
  }

  /**
   * Sends the body, until the server replies: a refusal leaves the rest unread. Throws what the
   * body throws.
   */
  async send(body: AsyncIterable<Uint8Array>): Promise<IncomingMessage> {
    try {
      await this.#sendBody(body)
      return await this.#waitFor(this.#reply)
    } catch (error) {
      this.#request.destroy()
      throw error
    }
  }

  /** The body of the reply. Throws if it breaks off. */
  async *bytesOf(reply: IncomingMessage): AsyncGenerator<Uint8Array> {
    const parts: AsyncIterator<Uint8Array> = reply[Symbol.asyncIterator]()
    try {
      for (;;) {
        const { done, value } = await this.#waitFor(parts.next())
        if (done) return
        yield value
      }
    } finally {
      // Neither is used again: a connection is kept only if both sides have ended.
      if (!reply.complete || !this.#request.writableFinished) this.#request.destroy()
    }
  }

  async #sendBody(body: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#request.hasHeader('expect') && (await this.#isRefused())) return
    const parts = body[Symbol.asyncIterator]()
    for (;;) {
      const next = parts.next()
      // A pipe may have nothing to send for hours: meanwhile the server may refuse.
      const step = await Promise.race([next, this.#answered])
      if (!step) {
        next.catch(() => undefined) // of no interest any more
        return
      }
      if (step.done) break
      await this.#write(step.value)
    }
    this.#request.end()
  }

  /** Whether the server answers before it asks for the body. */
  async #isRefused(): Promise<boolean> {
    const asked = Promise.withResolvers<boolean>()
    this.#request.once('continue', () => asked.resolve(false))
    void this.#answered.then(() => asked.resolve(true))
    const late = new AbortController()
    const { signal } = late
    // A server that does not know this question waits for the body.
    const unasked = sleep(limits.commandContinueMsMax, false, { signal }).catch(() => false)
    return Promise.race([asked.promise, unasked]).finally(() => late.abort())
  }

  async #write(part: Uint8Array): Promise<void> {
    if (this.#request.write(part)) return
    const drained = once(this.#request, 'drain').catch(() => undefined)
    await this.#waitFor(Promise.race([drained, this.#answered]))
  }

  async #waitFor<T>(awaited: Promise<T>): Promise<T> {
    const { url, silenceMs } = this.#options
    const silence = Promise.withResolvers<never>()
    const timer =
      silenceMs === undefined
        ? undefined
        : setTimeout(() => silence.reject(new SilenceError(url, silenceMs)), silenceMs)
    try {
      return await Promise.race([awaited, silence.promise])
    } catch (error) {
      // Before the connection is cut, which the reply would take for the reason.
      throw error instanceof SilenceError ? error : connectionError(url, error)
    } finally {
      clearTimeout(timer)
    }
  }
}
