import { limits } from '../../../core/kernel/limits.ts'
import { RequestError } from '../../rest/errors.ts'
import type { ApifyCall, ApifyHandler } from '../call/call.ts'

/**
 * The handler of a record for /v2/key-value-stores/{store}/record?key=, which takes every key that
 * a store can hold: also '', `.`, `..` and slashes, which no path can spell.
 */
export function withAnyKey(handler: ApifyHandler): ApifyHandler {
  return async (call) => handler({ ...call, key: keyOfQuery(call), takesAnyKey: true })
}

/** Where a record is read, whatever its key. */
export function anyKeyUrl({ request }: ApifyCall, storeId: string, key: string): string {
  const { baseUrl } = request
  return `${baseUrl}/v2/key-value-stores/${storeId}/record?key=${encodeURIComponent(key)}`
}

/**
 * Read from the query as it was sent: `URLSearchParams` would take what is no UTF-8 for some other
 * key. Throws RequestError.
 */
function keyOfQuery({ request }: ApifyCall): string {
  const [spelling, ...others] = request.query.split('&').flatMap(spellingOfKey)
  if (spelling === undefined) {
    const message =
      'The parameter key is required: ?key=a%2Fb is the record a/b, ?key= the one of ""'
    throw new RequestError({ status: 400, type: 'parameter-required' }, message)
  }
  if (others.length > 0) throw invalidKey('The parameter key may be given once')
  const key = decode(spelling)
  if (key === undefined) throw invalidKey('The parameter key must be percent-encoded UTF-8')
  if (Buffer.byteLength(key) <= limits.recordKeyBytesMax) return key
  throw invalidKey(`A record key has at most ${limits.recordKeyBytesMax} bytes of UTF-8`)
}

function spellingOfKey(parameter: string): string[] {
  const [name, ...value] = parameter.split('=')
  return name === 'key' ? [value.join('=')] : []
}

/** Undefined where it spells no text. */
function decode(spelling: string): string | undefined {
  if (/[^\x21-\x7e]/.test(spelling)) return undefined
  try {
    return decodeURIComponent(spelling.replaceAll('+', ' '))
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function invalidKey(message: string): RequestError {
  return new RequestError({ status: 400, type: 'invalid-record-key' }, message)
}
