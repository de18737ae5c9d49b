import { strictUtf8 } from '../../core/kernel/bytes.ts'
import { type JsonText, parseJsonText } from '../json/json-text.ts'
import { JsonTextError } from '../json/json-text-error.ts'
import { RequestError } from './errors.ts'
import { assertJsonType, decodeBody, isLongBody, readBody } from './json-body.ts'
import { encodingOf } from './request-encoding.ts'
import { type RestCall, turnOf } from './routes.ts'

/**
 * The JSON object in a call's body, in its original spelling, so that stored values lose nothing.
 * Waiting for the body ends if the caller's token becomes invalid. Throws RequestError,
 * `token-invalid`.
 */
export async function readJsonMembers(call: RestCall): Promise<JsonText> {
  const { domain, principal, request } = call
  const { liveUses, access } = domain
  // What the head shows to be wrong is refused before the client sends the body.
  assertJsonType(request)
  encodingOf(request.header('content-encoding'))
  const bytes = await liveUses.during(readBody(request), () => access.assertValid(principal))
  await access.assertUnchanged(principal)
  if (isLongBody(request, bytes)) await turnOf(call)
  return parse(await decodeBody(request, bytes))
}

function parse(bytes: Uint8Array): JsonText {
  try {
    const json = parseJsonText(strictUtf8.decode(bytes))
    if (json.kind === 'object') return json
  } catch (error) {
    if (error instanceof JsonTextError) throw invalid(`the body is not JSON: ${error.message}`)
    if (error instanceof TypeError) throw invalid('the body is not UTF-8')
    throw error
  }
  throw invalid('the body must be a JSON object with a value for each key')
}

function invalid(what: string): RequestError {
  return new RequestError({ status: 400, type: 'invalid-request' }, `Invalid request: ${what}`)
}
