import type { Socket } from 'node:net'
import { limits } from '../../core/kernel/limits.ts'
import type { Exchange } from '../replies.ts'

type Last = (unbegun?: Exchange) => void

/**
 * The requests of one connection that `node:http` reads. It emits pipelined requests all at once;
 * here each of them begins when the one before it is answered, as at `DirectConnection`. So they
 * take effect in the order in which they were sent (RFC 9112, 9.3.2).
 */
export class RequestTurns {
  readonly #socket: Socket
  readonly #serve: (exchange: Exchange) => void
  readonly #waiting: Exchange[] = []
  #current: Exchange | undefined
  #isPaused = false
  /** To be called instead of `serve` for the exchange `at`, or after all of them. */
  #last: { readonly at: Exchange | undefined; readonly run: Last } | undefined

  constructor(socket: Socket, serve: (exchange: Exchange) => void) {
    this.#socket = socket
    this.#serve = serve
    // `node:http` resumes the socket after each message that it has read. The body of the current
    // request is complete when others wait behind it, so nobody needs more bytes meanwhile.
    const resume = socket.resume.bind(socket)
    socket.resume = () => (this.#isPaused ? socket : resume())
  }

  /** The exchange that is being served. */
  get current(): Exchange | undefined {
    return this.#current
  }

  /** Serves a request, once all before it are answered. */
  add(exchange: Exchange): void {
    if (!this.#current) {
      this.#begin(exchange)
      return
    }
    this.#waiting.push(exchange)
    if (this.#isPaused || this.#waiting.length < limits.httpWaitingRequestsMax) return
    this.#isPaused = true
    // Not before what was scheduled already: it would let the socket read on.
    setImmediate(() => this.#isPaused && this.#socket.pause())
  }

  /**
   * Runs `last` once all requests are answered, and serves none after that. A request whose body is
   * still incomplete is not waited for: its rest will not come. If it was not begun yet, `last`
   * gets it.
   */
  endWith(last: Last): void {
    if (this.#last) return
    const newest = this.#waiting.at(-1) ?? this.#current
    this.#last = { at: newest?.message.complete === false ? newest : undefined, run: last }
    if (!this.#current || this.#current === this.#last.at) last()
  }

  #begin(exchange: Exchange): void {
    this.#current = exchange
    exchange.response.once('close', () => this.#next())
    this.#serve(exchange)
  }

  #next(): void {
    this.#current = undefined
    const next = this.#waiting.shift()
    this.#resume()
    // RFC 9112, 9.6: requests behind a reply that closes the connection are ignored.
    if (!this.#socket.writable) this.#waiting.length = 0
    else if (this.#last && next === this.#last.at) this.#last.run(next)
    else if (next) this.#begin(next)
  }

  #resume(): void {
    if (!this.#isPaused || this.#waiting.length >= limits.httpWaitingRequestsMax) return
    this.#isPaused = false
    this.#socket.resume()
  }
}
