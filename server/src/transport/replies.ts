import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { Bytes } from '../core/kernel/bytes.ts'
import type { HttpReply } from './exchange.ts'

/** A request of `node:http` and where its reply goes. */
export interface Exchange {
  readonly message: IncomingMessage
  readonly response: ServerResponse
}

/** What is handed to the socket at once: a slow client shows by taking the next of these. */
const sliceBytes = 262_144
/** A body that nobody wants is read to its end if it says that it has no more than this. */
const ignoredBytesMax = 65_536
/** Else the client may go on sending for so long, after the reply is written. */
const lingerMs = 2_000

/** A reply whose body is in memory as a whole. */
export interface WholeReply extends HttpReply {
  readonly body: Bytes | string
}

/** Whether the body can be written at once; else it is written as the client takes it. */
export function isShortReply(reply: HttpReply): reply is WholeReply {
  const { body } = reply
  return typeof body === 'string' || body instanceof Uint8Array ? body.length <= sliceBytes : false
}

/** Writes a reply whose body is short. */
export function sendWhole({ status, headers, body }: WholeReply, exchange: Exchange): void {
  const { message, response } = exchange
  if (message.complete || isShort(message)) {
    if (!message.complete) discard(message)
    response.writeHead(status, headers).end(body)
    return
  }
  response.setHeader('Connection', 'close')
  response.writeHead(status, headers)
  if (body.length > 0) response.write(body)
  else response.flushHeaders()
  endOnceSent(exchange)
}

/** Writes a reply as fast as the client takes it, and closes the body when it goes away. */
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
    for (let start = 0; start < part.length; start += sliceBytes) {
      if (to.destroyed) return
      const slice = part.subarray(start, start + sliceBytes)
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
 * A client that stands still would else go on when it likes. What it returns is to be called once
 * the client has all.
 */
export function cutOff(to: Writable, signal: AbortSignal): () => void {
  const destroy = (): void => void to.destroy()
  if (signal.aborted) destroy()
  signal.addEventListener('abort', destroy, { once: true })
  return () => signal.removeEventListener('abort', destroy)
}

/** What `begin` does with a reply; where that fails, nobody takes its body. */
export async function orClosed<T>(reply: HttpReply, begin: () => T): Promise<T> {
  try {
    return begin()
  } catch (error) {
    await closeUnread(reply)
    throw error
  }
}

/** Nobody is there to take the body. */
export async function closeUnread({ body }: HttpReply): Promise<void> {
  if (typeof body === 'string' || body instanceof Uint8Array) return
  await body[Symbol.asyncIterator]().return?.()
}

function partsOf(body: HttpReply['body']): AsyncIterable<Bytes> | Iterable<Bytes> {
  if (typeof body === 'string') return [Buffer.from(body)]
  return body instanceof Uint8Array ? [body] : body
}

function isShort({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? Number.NaN) <= ignoredBytesMax
}

/**
 * The reply comes before the end of a body that is refused. A client that writes first and reads
 * then would miss it if the connection just closed, so it gets a moment.
 */
function endOnceSent({ message, response }: Exchange): void {
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, lingerMs)
  message.once('end', end)
  message.once('close', end)
  discard(message)
}

/** Reads the rest of a body without keeping it, whoever was about to take it. */
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
