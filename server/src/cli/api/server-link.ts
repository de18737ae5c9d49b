import { Agent, type IncomingMessage, request } from 'node:http'
import { request as requestSecurely, Agent as SecureAgent } from 'node:https'
import { pipeline } from 'node:stream/promises'
import type {
  LocalReply,
  LocalRequest,
  StreamedReply,
  StreamedRequest,
} from '../../composition/local-doors.ts'

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

  constructor({ url, secret }: ServerAddress) {
    this.url = url
    this.#url = new URL(url)
    this.#secret = secret
    this.#agent = new (this.#isSecure ? SecureAgent : Agent)({ keepAlive: true })
  }

  /** Rejects with Node's error if the server can't be reached. `signal` ends the wait. */
  async ask({ body, ...asked }: LocalRequest, signal?: AbortSignal): Promise<LocalReply> {
    const bytes = Buffer.from(body)
    const headers = {
      'content-type': 'application/json',
      'content-length': String(bytes.length),
    }
    const reply = await this.#send({ ...asked, headers, body: [bytes] }, signal)
    const parts = await Array.fromAsync<Buffer>(reply)
    return { status: reply.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }
  }

  /** As `ask`, for values of any length. */
  async stream(asked: StreamedRequest, signal?: AbortSignal): Promise<StreamedReply> {
    const reply = await this.#send(asked, signal)
    const named = Object.entries(reply.headers).map(([name, value = '']) => [name, String(value)])
    return { status: reply.statusCode ?? 0, headers: Object.fromEntries(named), body: reply }
  }

  async close(): Promise<void> {
    this.#agent.destroy()
  }

  get #isSecure(): boolean {
    return this.#url.protocol === 'https:'
  }

  #send(
    asked: Omit<StreamedRequest, 'body'> & {
      body?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined
    },
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { method, path, query, headers, body = [] } = asked
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const sent = (this.#isSecure ? requestSecurely : request)({
      host: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port,
      method,
      path: `${this.#url.pathname.replace(/\/$/, '')}${path}${query === '' ? '' : `?${query}`}`,
      agent: this.#agent,
      ...(signal && { signal }),
      headers: { Host: this.#url.host, Authorization: `Bearer ${this.#secret}`, ...headers },
    })
    sent.on('response', resolve)
    sent.on('error', reject)
    // A server may answer before it has read the whole body: then its answer counts.
    pipeline(body, sent).catch(reject)
    return promise
  }
}
