import { limits } from '../../../core/kernel/limits.ts'
import { RequestError } from '../../rest/errors.ts'
import type { ApifyCall, ApifyHandler } from '../call/call.ts'

/**
 * Makes a record handler work for /v2/key-value-stores/{store}/record?key=. This endpoint accepts
 * every key that a store can hold: also '', `.`, `..` and slashes, which a path can't carry.
 */
export function withAnyKey(handler: ApifyHandler): ApifyHandler {
  return async (call) => handler({ ...call, key: keyOfQuery(call), takesAnyKey: true })
}

/** The URL of a record with any key. */
export function anyKeyUrl({ request }: ApifyCall, storeId: string, key: string): string {
  const { baseUrl } = request
  return `${baseUrl}/v2/key-value-stores/${storeId}/record?key=${encodeURIComponent(key)}`
}

/**
 * Reads the key from the raw query, because `URLSearchParams` would turn invalid UTF-8 into another
 * key. Throws RequestError.
 */
function keyOfQuery({ request }: ApifyCall): string {
  const [spelling, ...others] = request.query.split('&').flatMap(spellingOfKey)
  if (spelling === undefined) {
    const message =
      'The parameter key is required: ?key=a%2Fb means the record a/b, ?key= the record ""'
    throw new RequestError({ status: 400, type: 'parameter-required' }, message)
  }
  if (others.length > 0) throw invalidKey('The parameter key may be given only once')
  const key = decode(spelling)
  if (key === undefined) throw invalidKey('The parameter key must be percent-encoded UTF-8')
  const bytes = Buffer.byteLength(key)
  if (bytes <= limits.recordKeyBytesMax) return key
  const rule = `at most ${limits.recordKeyBytesMax} bytes of UTF-8`
  throw invalidKey(`A record key has ${rule}, this one ${bytes}`)
}

function spellingOfKey(parameter: string): string[] {
  const [name, ...value] = parameter.split('=')
  return name === 'key' ? [value.join('=')] : []
}

/** Undefined if the text is not percent-encoded UTF-8. */
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
