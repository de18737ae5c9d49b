import { noAnswer, Refusal } from '../page/refusal.ts'

export interface Asked {
  readonly method?: string
  readonly query?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** The server that sent this page. */
export class Server {
  /** The URL that all paths begin with; it ends with a slash. */
  readonly url: string
  readonly #token: string | undefined

  constructor(url: string, token?: string) {
    this.url = url
    this.#token = token
  }

  /** Also resolves if nothing changed (304). Rejects with Refusal. */
  async ask(
    path: string,
    { method = 'GET', query = {}, json, headers }: Asked = {},
  ): Promise<Answer> {
    const url = new URL(path, this.url)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const response = await this.#fetch(url, {
      method,
      headers: { ...this.#headers(json !== undefined), ...headers },
      body: json === undefined ? null : JSON.stringify(json),
      cache: 'no-store',
      credentials: 'omit',
    })
    const answer = {
      status: response.status,
      text: await textOf(response),
      headers: response.headers,
    }
    if (response.ok || response.status === 304) return answer
    throw new Refusal(response.status, messageIn(answer))
  }

  #headers(hasBody: boolean): Record<string, string> {
    return {
      ...(this.#token !== undefined && { Authorization: `Bearer ${this.#token}` }),
      ...(hasBody && { 'Content-Type': 'application/json' }),
    }
  }

  async #fetch(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init)
    } catch {
      throw new Refusal(0, noAnswer)
    }
  }
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

async function textOf(response: Response): Promise<string> {
  try {
    return await response.text()
  } catch {
    throw new Refusal(0, noAnswer)
  }
}

/** The sentence of an error: two doors write it in two ways. */
function messageIn({ status, text }: Answer): string {
  const { msg, error } = Object(parsed(text))
  const { message } = Object(error)
  const said = [msg, message].find((part) => typeof part === 'string' && part !== '')
  return said ?? `The server answered with status ${status}.`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
