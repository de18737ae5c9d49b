import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Call {
  readonly method: string
  readonly path: string
  readonly body?: Buffer | string
  readonly headers?: Readonly<Record<string, string>>
}

/** Calls a server over a bounded number of connections that are kept open. */
export class Client {
  readonly #url: string
  readonly #token: string
  readonly #agent: Agent

  constructor({ url, token }: { url: string; token: string }, { connections = 1 } = {}) {
    this.#url = url
    this.#token = token
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /**
   * Resolves when the last byte of the reply is read; rejects if the connection breaks before.
   */
  send({ method, path, body, headers = {} }: Call): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const outgoing = request(`${this.#url}${path}`, {
      method,
      agent: this.#agent,
      headers: { Authorization: `Bearer ${this.#token}`, ...headers },
    })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => readReply(incoming).then(resolve, reject))
    outgoing.end(body)
    return promise
  }

  /** The store of this name; makes it if it is missing. */
  async openStore(name: string): Promise<RemoteStore> {
    const reply = await this.send({ method: 'POST', path: `/v2/key-value-stores?name=${name}` })
    if (reply.status !== 201 && reply.status !== 200) throw unexpected('Opening a store', reply)
    return new RemoteStore(this, JSON.parse(reply.body.toString()).data.id)
  }

  close(): void {
    this.#agent.destroy()
  }
}

export interface KeyPage {
  readonly keys: readonly string[]
  readonly next: string | null
}

/** A store by its id, or by `~name`. */
export class RemoteStore {
  readonly address: string
  readonly #client: Client
  readonly #path: string

  constructor(client: Client, address: string) {
    this.address = address
    this.#client = client
    this.#path = `/v2/key-value-stores/${address}`
  }

  put(key: string, body: Buffer | string): Promise<Reply> {
    return this.#client.send({ method: 'PUT', path: this.recordPath(key), body })
  }

  get(key: string): Promise<Reply> {
    return this.#client.send({ method: 'GET', path: this.recordPath(key) })
  }

  delete(key: string): Promise<Reply> {
    return this.#client.send({ method: 'DELETE', path: this.recordPath(key) })
  }

  describe(): Promise<Reply> {
    return this.#client.send({ method: 'GET', path: this.#path })
  }

  drop(): Promise<Reply> {
    return this.#client.send({ method: 'DELETE', path: this.#path })
  }

  async page(query: { prefix: string; limit: number; after: string | null }): Promise<KeyPage> {
    const { prefix, limit, after } = query
    const start = after === null ? '' : `&exclusiveStartKey=${after}`
    const path = `${this.#path}/keys?limit=${limit}&prefix=${prefix}${start}`
    const reply = await this.#client.send({ method: 'GET', path })
    if (reply.status !== 200) throw unexpected(`Listing ${path}`, reply)
    const { items, nextExclusiveStartKey } = JSON.parse(reply.body.toString()).data
    return { keys: items.map(({ key }: { key: string }) => key), next: nextExclusiveStartKey }
  }

  /** The keys of all pages, in the order of the server. */
  async keys({ prefix = '', limit = 1_000 } = {}): Promise<string[]> {
    const keys: string[] = []
    let after: string | null = null
    do {
      const page: KeyPage = await this.page({ prefix, limit, after })
      keys.push(...page.keys)
      after = page.next
    } while (after !== null)
    return keys
  }

  recordPath(key: string): string {
    return `${this.#path}/records/${key}`
  }
}

export function unexpected(what: string, { status, body }: Reply): Error {
  return new Error(`${what} was answered with ${status}: ${body.toString('utf8', 0, 300)}`)
}

/** The error type of a reply. */
export function errorTypeOf({ body }: Reply): string {
  return JSON.parse(body.toString()).error.type
}

async function readReply(incoming: IncomingMessage): Promise<Reply> {
  const parts: Buffer[] = []
  for await (const part of incoming) parts.push(part)
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: Buffer.concat(parts),
  }
}
