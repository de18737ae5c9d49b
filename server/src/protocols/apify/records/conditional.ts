import { StorageError } from '../../../core/kernel/errors.ts'
import type { Condition, RecordHead } from '../../../core/records/record.ts'
import type { Span } from '../../../core/values/value.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { wantedRange } from '../../http/byte-range.ts'
import {
  isConditional,
  isRangeOfCurrent,
  MalformedHeaderError,
  readOutcome,
  type Validators,
  writeCondition,
} from '../../http/preconditions.ts'
import { RequestError } from '../../rest/errors.ts'
import type { ApifyCall } from '../call/call.ts'

type Headers = HttpReply['headers']

/**
 * The 304 reply, if the conditions of a GET or HEAD ask for one; undefined if the record is to be
 * sent. `headers` are those of the full reply. Throws `condition-failed`, RequestError.
 */
export function unchangedReply(
  { request, environment }: ApifyCall,
  head: RecordHead,
  headers: Headers,
): HttpReply | undefined {
  if (!isConditional(request)) return undefined
  const current = validatorsOf(head, headers)
  const outcome = understood(() => readOutcome(request, current, environment))
  if (outcome === 'serve') return undefined
  if (outcome === 'not-modified') return { status: 304, headers: headersOf304(headers), body: '' }
  throw new StorageError('condition-failed', 'The record is not the expected one.')
}

/**
 * The part of the stored bytes that a GET asks for; undefined if all of them are to be sent. Throws
 * RequestError.
 */
export function wantedSpan(
  { request, environment }: ApifyCall,
  head: RecordHead,
  headers: Headers,
): Span | undefined {
  const header = request.header('range')
  if (header === undefined) return undefined
  const current = validatorsOf(head, headers)
  if (!understood(() => isRangeOfCurrent(request, current, environment))) return undefined
  const wanted = wantedRange(header, head.size)
  if (wanted === 'unsatisfiable') throw rangeNotSatisfiable(head)
  return wanted === 'whole' ? undefined : wanted
}

/** Adds the headers that say which part of the stored bytes is sent. */
export function headersOfSpan(headers: Headers, { start, end }: Span, size: number): Headers {
  headers['Content-Length'] = end - start
  headers['Content-Range'] = `bytes ${start}-${end - 1}/${size}`
  return headers
}

/** The condition of a write on the record that it replaces or deletes. Throws RequestError. */
export function conditionOf({ request, environment }: ApifyCall): Condition | undefined {
  if (!isConditional(request)) return undefined
  return understood(() => writeCondition(request, environment))
}

/** A part must never be stored as a whole value (RFC 9110, 14.5). Throws RequestError. */
export function assertWholeValue({ request }: ApifyCall): void {
  if (request.header('content-range') === undefined) return
  const message = 'This API end-point stores whole records: it takes no Content-Range'
  throw new RequestError({ status: 400, type: 'invalid-request' }, message)
}

function validatorsOf({ modifiedAt }: RecordHead, { ETag }: Headers): Validators {
  return { entityTag: String(ETag), modifiedAt }
}

/** The headers of a 200 that a 304 must have too (RFC 9110, 15.4.5). */
function headersOf304({ ETag = '', Vary, 'Cache-Control': cacheControl = '' }: Headers): Headers {
  return { ETag, 'Cache-Control': cacheControl, ...(Vary !== undefined && { Vary }) }
}

function rangeNotSatisfiable({ size }: RecordHead): RequestError {
  const headers = { 'Content-Range': `bytes */${size}` }
  return new RequestError(
    { status: 416, type: 'range-not-satisfiable', headers },
    `The record has ${size} bytes: the range begins after its end`,
  )
}

function understood<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MalformedHeaderError)) throw error
    throw new RequestError({ status: 400, type: 'invalid-request' }, error.message)
  }
}
