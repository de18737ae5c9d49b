import { NamedRequest } from '../../core/idempotency/named-request.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { RequestError } from './errors.ts'
import type { RestCall } from './routes.ts'

/** The headers that decide what a request with a value asks for. */
const decisive = [
  'content-type',
  'content-encoding',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
] as const

/**
 * The name that a client gave its request by `Idempotency-Key`, so that it can send the request
 * again without doing it twice; undefined: it gave none. A name is known to its `scope` alone.
 * Source: draft-ietf-httpapi-idempotency-key-header. Throws RequestError.
 */
export function namedRequest(
  { request, key, query }: Pick<RestCall, 'request' | 'key' | 'query'>,
  scope: string,
): NamedRequest | undefined {
  const header = request.header('idempotency-key')
  if (header === undefined) return undefined
  const name = header.match(/^"(.*)"$/)?.[1] ?? header
  const isSound = /^[\x21-\x7e]+$/.test(name) && name.length <= limits.idempotencyKeyLengthMax
  if (!isSound) {
    const rule = `1 to ${limits.idempotencyKeyLengthMax} visible ASCII characters`
    const message = `The header Idempotency-Key is not valid: it has ${rule}, such as a UUID`
    throw new RequestError({ status: 400, type: 'invalid-request' }, message)
  }
  const method = query.text('method')?.toUpperCase() ?? request.method
  const headers = decisive.map((one) => request.header(one))
  return new NamedRequest({ scope, name, parts: [method, key, ...headers] })
}

/** Tells the client that nothing was done now, because the request was done before. */
export function withRepetition(reply: HttpReply, request: NamedRequest | undefined): HttpReply {
  if (request?.isRepetition) reply.headers['Idempotency-Replayed'] = 'true'
  return reply
}

/** The scope of a user's names; whoever has no token has none. */
export function scopeOf({ principal }: Pick<RestCall, 'principal'>): string {
  return principal.kind === 'user' ? `user ${principal.user.id}` : 'nobody'
}
