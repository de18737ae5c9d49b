import { delayAfter } from '../waiting/pace.ts'
import { pause } from '../waiting/pause.ts'
import { Answer, connectionFailed } from './answer.ts'
import * as bounds from './bounds.ts'
import { CoatcheckError } from './errors.ts'
import { Patience } from './patience.ts'
import { refusalOf } from './refusal.ts'
import { type CoatcheckRequest, newIdempotencyKey, sentBytes, targetOf } from './request.ts'
import { sendableOf } from './streamed-body.ts'

/** `fetch`, or a function that does the same. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface CallerOptions {
  /** The server's address, without `/v2`. */
  readonly url: string | URL
  readonly token?: string | undefined
  /**
   * How long the server may be silent in one attempt: until it answers, and between the pieces of a
   * body. 30,000 by default.
   */
  readonly timeoutMs?: number | undefined
  /** Attempts after the first one; 4 by default. */
  readonly retries?: number | undefined
  readonly fetch?: Fetch | undefined
}

/** Sends requests to one server, and repeats those that a failure of the network met. */
export class Caller {
  readonly #base: string
  readonly #token: string | undefined
  readonly #timeoutMs: number
  readonly #retries: number
  readonly #fetch: Fetch

  /** Throws TypeError for an address that is none, or has more than a server's. */
  constructor(options: CallerOptions) {
    this.#base = baseOf(options.url)
    this.#token = options.token
    this.#timeoutMs = options.timeoutMs ?? bounds.timeoutMs
    this.#retries = options.retries ?? bounds.retries
    // Browsers refuse a fetch that is called as a method of something else.
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init))
  }

  /**
   * Resolves with an answer of a status below 300, whose body the caller reads. Rejects with
   * CoatcheckError, or `signal.reason`. Every attempt of a call that changes something has the same
   * idempotency key, so that the server does it once.
   */
  async call(request: CoatcheckRequest): Promise<Answer> {
    return this.callWith(request, async (answer) => answer)
  }

  /** As `call`; a failure while `read` reads the answer also leads to another attempt. */
  async callWith<Result>(
    request: CoatcheckRequest,
    read: (answer: Answer) => Promise<Result>,
  ): Promise<Result> {
    const headers = this.#headersOf(request)
    if (request.body instanceof ReadableStream && request.body.locked) {
      throw new TypeError('The stream is read by somebody else already.')
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await read(await this.#attempt(request, headers))
      } catch (error) {
        const delayMs = this.#delayOf(error, request, attempt)
        if (!(error instanceof CoatcheckError) || delayMs === undefined) throw error
        request.onRepeat?.(error)
        await pause(delayMs, request.signal)
      }
    }
  }

  /** Throws TypeError for a text that no header can have. */
  #headersOf({ method, headers = {} }: CoatcheckRequest): Headers {
    const isRead = method === 'GET' || method === 'HEAD'
    return new Headers({
      ...(this.#token !== undefined && { Authorization: `Bearer ${this.#token}` }),
      ...(!isRead && { 'Idempotency-Key': newIdempotencyKey() }),
      ...headers,
    })
  }

  async #attempt(request: CoatcheckRequest, headers: Headers): Promise<Answer> {
    const { method, body, signal } = request
    signal?.throwIfAborted()
    const patience = new Patience(request.timeoutMs ?? this.#timeoutMs, signal)
    try {
      const sent = await sendableOf(body, patience)
      const answered = this.#fetch(this.#base + targetOf(request), {
        method,
        headers,
        ...sent,
        signal: patience.signal,
        // A login of the browser at that server, and what it kept of earlier answers, are not ours.
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'manual',
      })
      const response = await patience.wait(
        answered,
        (sentBytes(body) ?? 0) / bounds.leastBytesPerMs,
      )
      const answer = new Answer(response, patience)
      // A browser gives a redirect the status 0.
      if (response.status >= 200 && response.status < 300) return answer
      throw await refusalOf(answer)
    } catch (error) {
      const why = this.#failureOf(error, patience)
      patience.stop(why)
      throw why
    }
  }

  /** fetch has TypeErrors for what the network does. */
  #failureOf(error: unknown, patience: Patience): unknown {
    if (!(error instanceof TypeError) || patience.signal.aborted) return error
    const { cause } = error
    const why = cause instanceof Error && cause.message !== '' ? cause.message : error.message
    return connectionFailed(`No answer from ${this.#base}: ${why}`, error)
  }

  /** How long to wait before the next attempt; undefined: there is none. */
  #delayOf(error: unknown, request: CoatcheckRequest, attempt: number): number | undefined {
    if (!(error instanceof CoatcheckError) || !error.isRetryable) return undefined
    if (attempt > (request.retries ?? this.#retries) || !isRepeatable(request, error))
      return undefined
    const { retryAfterMs = 0 } = error
    if (retryAfterMs > bounds.retryAfterMsMax) return undefined
    return Math.max(retryAfterMs, delayAfter(attempt, bounds.pace))
  }
}

function isRepeatable({ body, repeat = 'safe' }: CoatcheckRequest, error: CoatcheckError): boolean {
  if (sentBytes(body) === undefined) return false
  return repeat === 'safe' || error.status === 429
}

/** The address without a slash at its end. Throws TypeError. */
function baseOf(address: string | URL): string {
  const url = new URL(address)
  if (!/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new TypeError(
      `The url of a server begins with http or https and has no query: ${address}`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError('The url has a user or a password: give the token as the option token.')
  }
  return url.href.replace(/\/+$/, '')
}
