import { Agent, request as requestPlainly } from 'node:http'
import { request as requestSecurely, Agent as SecureAgent } from 'node:https'
import type {
  LocalReply,
  LocalRequest,
  StreamedReply,
  StreamedRequest,
} from '../../composition/local-doors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { ServerCall } from './server-call.ts'

/** A body up to this size is sent without being asked for. */
const unaskedBytesMax = 65_536

/** A server, and what proves the rights of the command: a token, or the folder's secret. */
export interface ServerAddress {
  readonly url: string
  readonly secret: string
}

/** Calls a server: the one that has the data folder open, or one that the user names. */
export class ServerLink {
  readonly url: string
  readonly #url: URL
  readonly #secret: string
  /** Not the global agent: the secret must not go to a proxy that the environment names. */
  readonly #agent: Agent

  readonly #silenceMs: number

  constructor(
    { url, secret }: ServerAddress,
    { silenceMs = limits.commandSilenceMsMax }: { silenceMs?: number } = {},
  ) {
    this.url = url
    this.#url = new URL(url)
    this.#secret = secret
    this.#silenceMs = silenceMs
    this.#agent = new (this.#isSecure ? SecureAgent : Agent)({ keepAlive: true })
  }

  /**
   * Throws ConnectionError if the server can't be reached, and SilenceError if it does not answer.
   * `signal` ends the wait.
   */
  async ask({ body, ...asked }: LocalRequest, signal?: AbortSignal): Promise<LocalReply> {
    const bytes = Buffer.from(body)
    const headers = {
      'content-type': 'application/json',
      'content-length': String(bytes.length),
    }
    // Other methods may change any number of records before they answer.
    const silenceMs = asked.method === 'GET' ? this.#silenceMs : undefined
    const call = this.#call({ ...asked, headers }, { silenceMs, signal })
    const reply = await call.send(only(bytes))
    const parts = await Array.fromAsync(call.bytesOf(reply))
    return { status: reply.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }
  }

  /**
   * As `ask`, for values of any length: the server is asked before a long one is sent, so that a
   * refusal leaves it unread. Throws what the body throws.
   */
  async stream({ body, headers, ...asked }: StreamedRequest): Promise<StreamedReply> {
    const length = body ? Number(headers['content-length'] ?? Number.POSITIVE_INFINITY) : 0
    const expect = length > unaskedBytesMax ? { expect: '100-continue' } : {}
    const request = { ...asked, headers: { ...headers, ...expect } }
    const call = this.#call(request, { silenceMs: this.#silenceMs })
    const reply = await call.send(body ?? only())
    const named = Object.entries(reply.headers).map(([name, value = '']) => [name, String(value)])
    return {
      status: reply.statusCode ?? 0,
      headers: Object.fromEntries(named),
      body: call.bytesOf(reply),
    }
  }

  async close(): Promise<void> {
    this.#agent.destroy()
  }

  get #isSecure(): boolean {
    return this.#url.protocol === 'https:'
  }

  #call(
    { method, path, query, headers }: Omit<StreamedRequest, 'body'>,
    { silenceMs, signal }: { silenceMs: number | undefined; signal?: AbortSignal | undefined },
  ): ServerCall {
    const request = (this.#isSecure ? requestSecurely : requestPlainly)({
      host: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port,
      method,
      path: `${this.#url.pathname.replace(/\/$/, '')}${path}${query === '' ? '' : `?${query}`}`,
      agent: this.#agent,
      ...(signal && { signal }),
      headers: { Host: this.#url.host, Authorization: `Bearer ${this.#secret}`, ...headers },
    })
    return new ServerCall(request, { url: this.url, silenceMs })
  }
}

async function* only(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}
