import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'

/** A request to a server; the default method is GET. */
export interface Asked {
  readonly method?: string
  readonly token?: string | undefined
  /** Sent as JSON. */
  readonly json?: unknown
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Untyped JSON, which tests look into. */
export type Json = ReturnType<typeof JSON.parse>

// `fetch` would take three times as long; the authorization tests alone send 10,000 requests.
const agent = new Agent({ keepAlive: true })

/** A server, for requests with any token or none. */
export class Remote {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async send(path: string, asked: Asked = {}): Promise<Answered> {
    const { method = 'GET', token, json } = asked
    const type = json === undefined ? {} : { 'Content-Type': 'application/json' }
    const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` }
    const body = json === undefined ? asked.body : JSON.stringify(json)
    // For GET and DELETE, Node would send the body without a Content-Length.
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }
    const headers = { ...type, ...authorization, ...length, ...asked.headers }
    const reply = await exchange(this.#url + path, { method, headers }, body)
    const parts = await partsOf(reply)
    return {
      status: reply.statusCode ?? 0,
      headers: headersOf(reply),
      text: Buffer.concat(parts).toString(),
    }
  }

  /** Like `send`, but throws if the request is refused. Returns the JSON; `{}` for no body. */
  async do(path: string, asked: Asked = {}): Promise<Json> {
    const { status, text } = await this.send(path, asked)
    const { method = 'GET' } = asked
    if (status >= 300) throw new Error(`${method} ${path} was answered with ${status}: ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
}

/** The whole body; of a stream of events, which has no end, only what comes first. */
async function partsOf(reply: IncomingMessage): Promise<Buffer[]> {
  const isEndless = reply.headers['content-type'] === 'text/event-stream'
  const parts: Buffer[] = []
  for await (const part of reply) {
    parts.push(part)
    if (isEndless) break // destroys the reply
  }
  return parts
}

/** The type of an error in the form of the APIs; '' if there is none. */
export function errorTypeOf({ text }: Pick<Answered, 'text'>): string {
  return text.startsWith('{"error"') ? JSON.parse(text).error.type : ''
}

function exchange(
  url: string,
  options: RequestOptions,
  body: string | Uint8Array | undefined,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = request(url, { ...options, agent }, resolve)
  sent.on('error', (error) => {
    // The server closed a kept connection just when the request was sent over it.
    if (sent.reusedSocket) resolve(exchange(url, options, body))
    else reject(error)
  })
  sent.end(body)
  return promise
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  return headers
}
