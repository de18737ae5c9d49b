import { strictUtf8 } from '../../../core/kernel/bytes.ts'
import { mediaTypeOf } from '../../../core/values/content-type.ts'
import { type BodyBound, decodeBody, isLongBody, readBody } from '../../rest/json-body.ts'
import { encodingOf } from '../../rest/request-encoding.ts'
import { turnOf } from '../../rest/routes.ts'
import type { PageCall } from '../page/call.ts'
import { PageError } from '../page/errors.ts'
import { formParametersMax, Parameters } from './wire.ts'

/** The parameters in the query of a call. */
export function queryOf({ query, request }: PageCall): Parameters {
  return new Parameters({ query, sent: [request.query] })
}

/**
 * The parameters in the query and the body of a call. The body is a form, or a JSON object if it
 * has any other content type. Throws RequestError.
 */
export async function readParameters(call: PageCall, bound?: BodyBound): Promise<Parameters> {
  const { request, query } = call
  const mediaType = mediaTypeOf(request.header('content-type') ?? '')
  // What the head shows to be wrong is refused before the client sends the body.
  if (mediaType.startsWith('multipart/')) throw takesNoParts()
  encodingOf(request.header('content-encoding'))
  const body = await readBody(request, bound)
  if (isLongBody(request, body)) await turnOf(call)
  const bytes = await decodeBody(request, body, bound)
  if (bytes.length === 0) return new Parameters({ query, sent: [request.query] })
  const text = textOf(bytes)
  if (mediaType !== 'application/x-www-form-urlencoded') {
    return new Parameters({ query, json: membersOf(text), sent: [request.query] })
  }
  assertFewParameters(text)
  return new Parameters({ query, form: new URLSearchParams(text), sent: [request.query, text] })
}

function textOf(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw invalidBody('it is not UTF-8.')
  }
}

function membersOf(text: string): ReadonlyMap<string, unknown> {
  const json = parsed(text)
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return new Map(Object.entries(json))
  }
  throw invalidBody('it must be a JSON object, or a form.')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw invalidBody('it is not JSON.')
  }
}

function assertFewParameters(form: string): void {
  let count = 1
  for (let at = form.indexOf('&'); at >= 0; at = form.indexOf('&', at + 1)) {
    count += 1
    if (count > formParametersMax) throw invalidBody('it has too many parameters.')
  }
}

function invalidBody(why: string): PageError {
  const message = `The body of this request can not be read: ${why}`
  return new PageError({ status: 400, type: 'INVALID_REQUEST' }, message)
}

function takesNoParts(): PageError {
  const message = 'Send the parameters as JSON, or as a form that is URL-encoded.'
  return new PageError({ status: 415, type: 'INVALID_REQUEST' }, message)
}
