import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { Bytes } from '../core/kernel/bytes.ts'
import { limits } from '../core/kernel/limits.ts'
import type { HttpReply } from './exchange.ts'

/** A request of `node:http` and the response object for its reply. */
export interface Exchange {
  readonly message: IncomingMessage
  readonly response: ServerResponse
}

/** A reply whose whole body is in memory. */
export interface WholeReply extends HttpReply {
  readonly body: Bytes | string
}

/** Whether the body can be written at once; otherwise it is written as the client takes it. */
export function isShortReply(reply: HttpReply): reply is WholeReply {
  const { body } = reply
  return typeof body === 'string' || body instanceof Uint8Array
    ? body.length <= limits.socketSliceBytes
    : false
}

/** Writes a reply whose body is short. */
export function sendWhole({ status, headers, body }: WholeReply, exchange: Exchange): void {
  const { message, response } = exchange
  if (message.complete || isShort(message)) {
    if (!message.complete) discard(message)
    response.writeHead(status, headers).end(body)
    return
  }
  response.writeHead(status, { ...headers, Connection: 'close' })
  if (body.length > 0) response.write(body)
  else response.flushHeaders()
  endOnceSent(exchange)
}

/** Writes a reply as fast as the client takes it, and closes its body when the client goes away. */
export async function sendStreamed(reply: HttpReply, exchange: Exchange): Promise<void> {
  const { message, response } = exchange
  if (!message.complete) {
    response.setHeader('Connection', 'close')
    discard(message)
  }
  if (reply.signal) response.once('close', cutOff(response, reply.signal))
  await orClosed(reply, () => response.writeHead(reply.status, reply.headers))
  await writeBody(reply, response, { isChunked: false })
  if (!response.destroyed) response.end()
}

/**
 * Writes a body as fast as the client takes it, and closes it when the client goes away: then `to`
 * is destroyed. `isChunked`: in the chunks of HTTP/1.1, with their end (RFC 9112, 7.1).
 */
export async function writeBody(
  { body }: HttpReply,
  to: Writable,
  { isChunked }: { readonly isChunked: boolean },
): Promise<void> {
  for await (const part of partsOf(body)) {
    if (to.destroyed) return // also behind an empty part
    for (let start = 0; start < part.length; start += limits.socketSliceBytes) {
      if (to.destroyed) return
      const slice = part.subarray(start, start + limits.socketSliceBytes)
      if (!(isChunked ? writeChunk(to, slice) : to.write(slice))) await drained(to)
    }
  }
  if (isChunked && !to.destroyed) to.write('0\r\n\r\n')
}

function writeChunk(to: Writable, bytes: Bytes): boolean {
  to.cork()
  to.write(`${bytes.length.toString(16)}\r\n`)
  to.write(bytes)
  const hasRoom = to.write('\r\n')
  to.uncork()
  return hasRoom
}

/**
 * Destroys `to` when the signal is aborted: otherwise a client that has stopped reading could read
 * on at any time. The caller must call the returned function once the client has received
 * everything.
 */
export function cutOff(to: Writable, signal: AbortSignal): () => void {
  const destroy = (): void => void to.destroy()
  if (signal.aborted) destroy()
  signal.addEventListener('abort', destroy, { once: true })
  return () => signal.removeEventListener('abort', destroy)
}

/** Runs `begin`. If it throws, closes the body of the reply, which nobody will take. */
export async function orClosed<T>(reply: HttpReply, begin: () => T): Promise<T> {
  try {
    return begin()
  } catch (error) {
    await closeUnread(reply)
    throw error
  }
}

/** Closes the body of a reply that nobody will take. */
export async function closeUnread({ body }: HttpReply): Promise<void> {
  if (typeof body === 'string' || body instanceof Uint8Array) return
  await body[Symbol.asyncIterator]().return?.()
}

function partsOf(body: HttpReply['body']): AsyncIterable<Bytes> | Iterable<Bytes> {
  if (typeof body === 'string') return [Buffer.from(body)]
  return body instanceof Uint8Array ? [body] : body
}

function isShort({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? Number.NaN) <= limits.httpIgnoredBodyBytesMax
}

/**
 * Ends the response once the client has sent its whole body, or after a moment. The reply to a
 * refused body comes before the end of the body. A client that writes first and then reads would
 * miss the reply if the connection closed at once.
 */
function endOnceSent({ message, response }: Exchange): void {
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, limits.lingerMsMax)
  message.once('end', end)
  message.once('close', end)
  discard(message)
}

/** Reads the rest of a body and drops it, even if somebody was about to take it. */
function discard(message: IncomingMessage): void {
  message.removeAllListeners('data')
  message.resume()
}

function drained(to: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = (): void => {
    to.off('drain', done)
    to.off('close', done)
    resolve()
  }
  to.on('drain', done)
  to.on('close', done)
  return promise
}
