import { AppLabError, type Refusal } from './errors.ts'
import { webPage } from './web-page.ts'

/** A call to a route of the server. */
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
  const bytes = call.body === undefined ? 0 : 3 * call.body.length
  // The request goes on when the page is left. Browsers allow this for so many bytes at once.
  const keepalive = bytes > 0 && keptBytes + bytes <= keptBytesMax
  if (keepalive) keptBytes += bytes
  try {
    // No cookies: a page acts as itself, not as the user who is signed in with this browser.
    const response = await fetch(url, { ...call, credentials: 'omit', keepalive })
    const text = await response.text()
    return { status: response.status, text, header: (name) => response.headers.get(name) }
  } catch (error) {
    throw noAnswer(error)
  } finally {
    if (keepalive) keptBytes -= bytes
  }
}

/** Of all bodies that are being sent (the Fetch standard: 64 KiB). */
const keptBytesMax = 65_536
let keptBytes = 0

const pagesOnly =
  'Only a web page can block until the server answers. Elsewhere, await getKeyValue() or ' +
  'setKeyValue(); after the first call, getUserId() knows the user.'

/**
 * Blocks the page until the answer is there. Throws AppLabError `NO_ANSWER`, and TypeError outside
 * of web pages.
 */
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

/**
 * Looks through all headers: asking by name for one that pages may not see would be an error in the
 * console.
 */
function headerOf(lines: string, name: string): string | null {
  const start = `${name.toLowerCase()}: `
  const line = lines.split('\r\n').find((one) => one.toLowerCase().startsWith(start))
  return line?.slice(start.length) ?? null
}

/** The value of a reply. Throws AppLabError if the reply is a refusal. */
export function replyValue({ status, text }: Reply): unknown {
  const value = parsed(text)
  if (status >= 200 && status < 300 && value !== undefined) return value
  throw new AppLabError(isRefusal(value) ? value : badAnswer(status))
}

/** Undefined for text that is not JSON. */
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
