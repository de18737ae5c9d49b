import { AppLabError, type Refusal } from './errors.ts'
import { webPage } from './web-page.ts'

/** A call of a route of the server. */
export interface RouteCall {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Reply {
  readonly status: number
  readonly text: string
  header(name: string): string | null
}

/** Rejects with AppLabError `NO_ANSWER`. */
export async function exchange({ url, ...call }: RouteCall): Promise<Reply> {
  try {
    // No cookies: whoever the browser is signed in as, a page acts as itself.
    const response = await fetch(url, { ...call, credentials: 'omit' })
    const text = await response.text()
    return { status: response.status, text, header: (name) => response.headers.get(name) }
  } catch (error) {
    throw noAnswer(error)
  }
}

const pagesOnly =
  'Only a web page can wait here. Elsewhere, await getKeyValue() or setKeyValue(); the id of the ' +
  'user is known after the first of them.'

/** The page stands still until the answer is there. Throws AppLabError `NO_ANSWER`. */
export function exchangeSync({ method, url, headers, body }: RouteCall): Reply {
  const { XMLHttpRequest } = webPage()
  if (XMLHttpRequest === undefined) throw new TypeError(pagesOnly)
  const request = new XMLHttpRequest()
  request.open(method, url.href, false)
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
  try {
    request.send(body)
  } catch (error) {
    throw noAnswer(error)
  }
  const { status, responseText: text } = request
  return { status, text, header: (name) => headerOf(request.getAllResponseHeaders(), name) }
}

/** Asked for by its name, a header that is not shown to pages would be an error in the console. */
function headerOf(lines: string, name: string): string | null {
  const start = `${name.toLowerCase()}: `
  const line = lines.split('\r\n').find((one) => one.toLowerCase().startsWith(start))
  return line?.slice(start.length) ?? null
}

/** What a reply says. Throws AppLabError where it is a refusal. */
export function replyValue({ status, text }: Reply): unknown {
  const value = parsed(text)
  if (status >= 200 && status < 300 && value !== undefined) return value
  throw new AppLabError(isRefusal(value) ? value : badAnswer(status))
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRefusal(value: unknown): value is Refusal {
  const { msg, type } = Object(value)
  return typeof msg === 'string' && typeof type === 'string'
}

function badAnswer(status: number): Refusal {
  return { msg: `The server's answer makes no sense (status ${status}).`, type: 'BAD_ANSWER' }
}

function noAnswer(error: unknown): AppLabError {
  const why = error instanceof Error ? error.message : String(error)
  return new AppLabError({ msg: `The server did not answer: ${why}`, type: 'NO_ANSWER' })
}
