import { STATUS_CODES, validateHeaderValue } from 'node:http'

const secondMs = 1_000

/** The head of a reply as `node:http` writes it. */
export class ReplyHead {
  #second = 0
  #date = ''

  /**
   * Returns the head with its empty line. If the reply has a body and no `Content-Length`, the head
   * says the length if it is known, or else that the body comes in chunks. Throws Node's error for
   * an invalid header value.
   */
  write(reply: {
    readonly status: number
    readonly headers: Readonly<Record<string, string | number>>
    /** Undefined: there is no body. */
    readonly length: number | 'chunked' | undefined
    readonly isLast: boolean
  }): string {
    const { status, headers, length, isLast } = reply
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`
    let saysLength = false
    let saysConnection = false
    for (const name in headers) {
      const value = headers[name]
      if (value === undefined) continue
      if (typeof value === 'string') validateHeaderValue(name, value)
      if (isContentLength(name)) saysLength = true
      if (isConnection(name)) saysConnection = true
      text += `${name}: ${value}\r\n`
    }
    text += `Date: ${this.#now()}\r\n`
    if (!saysConnection) text += `Connection: ${isLast ? 'close' : 'keep-alive'}\r\n`
    if (length === undefined || saysLength) return `${text}\r\n`
    return length === 'chunked'
      ? `${text}Transfer-Encoding: chunked\r\n\r\n`
      : `${text}Content-Length: ${length}\r\n\r\n`
  }

  #now(): string {
    const second = Math.floor(Date.now() / secondMs)
    if (second === this.#second) return this.#date
    this.#second = second
    this.#date = new Date(second * secondMs).toUTCString()
    return this.#date
  }
}

const contentLength = 'content-length'
const connection = 'connection'

export function isContentLength(name: string): boolean {
  return name.length === contentLength.length && name.toLowerCase() === contentLength
}

/** Whether a door wants the connection to be closed after its reply. */
export function asksToClose(headers: Readonly<Record<string, string | number>>): boolean {
  for (const name in headers) {
    if (isConnection(name)) return String(headers[name]).toLowerCase() === 'close'
  }
  return false
}

function isConnection(name: string): boolean {
  return name.length === connection.length && name.toLowerCase() === connection
}
