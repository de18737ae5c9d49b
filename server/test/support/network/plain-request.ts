import { type IncomingHttpHeaders, request } from 'node:http'
import type { TestServer } from './test-server.ts'

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** The address of this machine from which the request is sent. */
  readonly localAddress?: string
}

export interface PlainReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Sends a request unchanged on a new connection: `fetch` adds headers, decodes and corrects. */
export function plainRequest(url: string, asked: Asked = {}): Promise<PlainReply> {
  const { method = 'GET', body, localAddress } = asked
  // For GET and DELETE, Node would send the body without a Content-Length.
  const length = body === undefined ? {} : { 'Content-Length': `${Buffer.byteLength(body)}` }
  const headers = { ...length, ...asked.headers }
  const { promise, resolve, reject } = Promise.withResolvers<PlainReply>()
  const path = url.slice(new URL(url).origin.length)
  const options = { method, headers, path, agent: false, ...(localAddress && { localAddress }) }
  const sent = request(new URL(url), options, async (reply) => {
    try {
      const parts = await Array.fromAsync<Buffer>(reply)
      const { statusCode: status = 0 } = reply
      resolve({ status, headers: reply.headers, body: Buffer.concat(parts) })
    } catch (error) {
      reject(error)
    }
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

/** Requests of the owner to a server, which may start later than this call. */
export function ownerRequests(server: {
  url(): TestServer['url']
  token(): TestServer['token']
}): (path: string, asked?: Asked) => Promise<PlainReply> {
  return (path, asked = {}) => {
    const headers = { Authorization: `Bearer ${server.token()}`, ...asked.headers }
    return plainRequest(server.url() + path, { ...asked, headers })
  }
}

/** The error type in a reply of the Apify door; undefined if it is no error. */
export function errorTypeOf({ body }: PlainReply): unknown {
  return body.length === 0 ? undefined : JSON.parse(body.toString()).error?.type
}
