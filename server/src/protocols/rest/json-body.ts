import { strictUtf8 } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import { mediaTypeOf } from '../../core/values/content-type.ts'
import type { HttpRequest } from '../../transport/exchange.ts'
import { DecodingError, decodeBytes } from '../http/content-encoding.ts'
import { RequestError } from './errors.ts'
import { encodingOf } from './request-encoding.ts'
import { type RestCall, turnOf } from './routes.ts'

/**
 * The JSON object in a call's body. Waiting for the body ends if the caller's token becomes
 * invalid. An optional body may be empty, with any content type. Throws RequestError,
 * `token-invalid`.
 */
export async function readJsonObject(
  call: RestCall,
  { isOptional }: { isOptional: boolean },
): Promise<Readonly<Record<string, unknown>>> {
  const { domain, principal, request } = call
  const { liveUses, access } = domain
  // What the head shows to be wrong is refused before the client sends the body.
  if (!isOptional) assertJsonType(request)
  encodingOf(request.header('content-encoding'))
  const bytes = await liveUses.during(readBody(request), () => access.assertValid(principal))
  await access.assertUnchanged(principal)
  if (bytes.length === 0 && isOptional) return {}
  if (isOptional) assertJsonType(request)
  if (isLongBody(request, bytes)) await turnOf(call)
  const value = parse(await decodeBody(request, bytes))
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value))
  }
  throw invalidRequest('POST data must be a JSON object')
}

/** The maximum length of a body, both as sent and decoded, and the error for a longer one. */
export interface BodyBound {
  readonly bytesMax: number
  tooLarge(length: number): RequestError
}

export function bodyBound(bytesMax: number): BodyBound {
  return { bytesMax, tooLarge: (length) => tooLarge(length, bytesMax) }
}

const jsonBound = bodyBound(limits.jsonBodyBytesMax)

/** A request's body as sent. The default limit is 9 MiB. Throws RequestError. */
export async function readBody(
  request: HttpRequest,
  { bytesMax, tooLarge }: BodyBound = jsonBound,
): Promise<Uint8Array> {
  const declared = Number(request.header('content-length') ?? 0)
  if (declared > bytesMax) throw tooLarge(declared)
  const bytes = await request.body.take(bytesMax + 1)
  if (bytes.length > bytesMax) throw tooLarge(bytes.length)
  return bytes
}

/** Whether decoding and parsing a body may take a while: others should be served before. */
export function isLongBody(request: HttpRequest, { length }: Uint8Array): boolean {
  return length > limits.quickJsonBytesMax || request.header('content-encoding') !== undefined
}

/** Throws RequestError if the request's content type is not JSON. */
export function assertJsonType(request: HttpRequest): void {
  if (mediaTypeOf(request.header('content-type') ?? '') === 'application/json') return
  throw new RequestError(
    { status: 415, type: 'invalid-content-type-header' },
    'This API end-point takes JSON: send it with the header Content-Type: application/json',
  )
}

/** Decodes a body by the request's Content-Encoding. Throws RequestError. */
export async function decodeBody(
  request: HttpRequest,
  bytes: Uint8Array,
  { bytesMax, tooLarge }: BodyBound = jsonBound,
): Promise<Uint8Array> {
  const encoding = encodingOf(request.header('content-encoding'))
  if (encoding === '') return bytes
  try {
    return await decodeBytes(bytes, { encoding, outputBytesMax: bytesMax })
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error
    if (error.reason === 'too-large') throw tooLarge(bytesMax + 1)
    throw invalidRequest(`The body is not ${encoding}, although its Content-Encoding says so`)
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(bytes))
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error
    throw invalidRequest('POST data must be a JSON object')
  }
}

function invalidRequest(message: string): RequestError {
  return new RequestError({ status: 400, type: 'invalid-request' }, message)
}

function tooLarge(length: number, bytesMax: number): RequestError {
  return new RequestError(
    { status: 413, type: 'request-too-large' },
    `The POST payload is too large (limit: ${bytesMax} bytes, actual length: ${length} bytes).`,
  )
}
