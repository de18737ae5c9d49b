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
    const response = await fetch(this.#url + path, {
      method,
      headers: { ...type, ...authorization, ...asked.headers },
      body: json === undefined ? (asked.body ?? null) : JSON.stringify(json),
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  /** Like `send`, but throws if the request is refused. Returns the JSON; `{}` for no body. */
  async do(path: string, asked: Asked = {}): Promise<Json> {
    const { status, text } = await this.send(path, asked)
    const { method = 'GET' } = asked
    if (status >= 300) throw new Error(`${method} ${path} was answered with ${status}: ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
}

/** The type of an error in the form of the APIs; '' if there is none. */
export function errorTypeOf({ text }: Pick<Answered, 'text'>): string {
  return text.startsWith('{"error"') ? JSON.parse(text).error.type : ''
}
