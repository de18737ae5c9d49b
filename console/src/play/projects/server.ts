import { noAnswer, Refusal } from '../page/refusal.ts'

export interface Asked {
  readonly method?: string
  readonly query?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** How long to wait for the beginning of an answer, and then for its end, which may be long. */
const answerMsMax = 10_000
const bodyMsMax = 60_000

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
    const answer = await answerOf(url, {
      method,
      headers: { ...this.#headers(json !== undefined), ...headers },
      body: json === undefined ? null : JSON.stringify(json),
      cache: 'no-store',
      credentials: 'omit',
    })
    const { status } = answer
    if ((status >= 200 && status < 300) || status === 304) return answer
    throw new Refusal(status, messageIn(answer))
  }

  /** What a stream of this server needs. */
  streamOf(
    path: string,
    query: readonly (readonly [name: string, value: string])[],
  ): { url: URL; headers: Readonly<Record<string, string>> } {
    const url = new URL(path, this.url)
    for (const [name, value] of query) url.searchParams.append(name, value)
    return { url, headers: this.#headers(false) }
  }

  #headers(hasBody: boolean): Record<string, string> {
    return {
      ...(this.#token !== undefined && { Authorization: `Bearer ${this.#token}` }),
      ...(hasBody && { 'Content-Type': 'application/json' }),
    }
  }
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

/** Rejects with Refusal if there is no answer in time. */
async function answerOf(url: URL, init: RequestInit): Promise<Answer> {
  const patience = new AbortController()
  const { signal } = patience
  const stop = (): void => patience.abort()
  let timer = setTimeout(stop, answerMsMax)
  try {
    const response = await fetch(url, { ...init, signal })
    clearTimeout(timer)
    timer = setTimeout(stop, bodyMsMax)
    const { status, headers } = response
    return { status, headers, text: await response.text() }
  } catch {
    throw new Refusal(0, noAnswer)
  } finally {
    clearTimeout(timer)
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
