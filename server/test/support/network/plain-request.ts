import { type IncomingHttpHeaders, request } from 'node:http'
import type { TestServer } from './test-server.ts'

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** The address of this machine that it comes from. */
  readonly localAddress?: string
}

export interface PlainReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** As it stands, on a connection of its own: `fetch` would add headers, decode and mend. */
export function plainRequest(url: string, asked: Asked = {}): Promise<PlainReply> {
  const { method = 'GET', body, localAddress } = asked
  // Of a GET or DELETE, Node would send the body without saying how long it is.
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

/** Requests of the owner to a server that runs by then. */
export function ownerRequests(server: {
  url(): TestServer['url']
  token(): TestServer['token']
}): (path: string, asked?: Asked) => Promise<PlainReply> {
  return (path, asked = {}) => {
    const headers = { Authorization: `Bearer ${server.token()}`, ...asked.headers }
    return plainRequest(server.url() + path, { ...asked, headers })
  }
}

/** The type of the error that a reply of the Apify door carries; undefined where it is none. */
export function errorTypeOf({ body }: PlainReply): unknown {
  return body.length === 0 ? undefined : JSON.parse(body.toString()).error?.type
}
