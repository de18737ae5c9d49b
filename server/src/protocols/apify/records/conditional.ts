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
 * What a GET or HEAD of the record is answered with instead, given the headers that it would have.
 * Throws `condition-failed`, RequestError.
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
  throw new StorageError('condition-failed', 'The record is another one than expected.')
}

/**
 * The part of the stored bytes that a GET asks for; undefined where it is answered with all of
 * them. Throws RequestError.
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

/** Adds what says which part of the stored bytes is sent. */
export function headersOfSpan(headers: Headers, { start, end }: Span, size: number): Headers {
  headers['Content-Length'] = end - start
  headers['Content-Range'] = `bytes ${start}-${end - 1}/${size}`
  return headers
}

/** What a write expects of the record that it replaces or deletes. Throws RequestError. */
export function conditionOf({ request, environment }: ApifyCall): Condition | undefined {
  if (!isConditional(request)) return undefined
  return understood(() => writeCondition(request, environment))
}

/** A part must never be taken for the whole (RFC 9110, 14.5). Throws RequestError. */
export function assertWholeValue({ request }: ApifyCall): void {
  if (request.header('content-range') === undefined) return
  const message = 'This API end-point stores whole records: it takes no Content-Range'
  throw new RequestError({ status: 400, type: 'invalid-request' }, message)
}

function validatorsOf({ modifiedAt }: RecordHead, { ETag }: Headers): Validators {
  return { entityTag: String(ETag), modifiedAt }
}

/** Of the headers of a 200 those that RFC 9110 (15.4.5) asks for. */
function headersOf304({ ETag = '', Vary, 'Cache-Control': cacheControl = '' }: Headers): Headers {
  return { ETag, 'Cache-Control': cacheControl, ...(Vary !== undefined && { Vary }) }
}

function rangeNotSatisfiable({ size }: RecordHead): RequestError {
  const headers = { 'Content-Range': `bytes */${size}` }
  return new RequestError(
    { status: 416, type: 'range-not-satisfiable', headers },
    `The record has ${size} bytes: the range lies behind its end`,
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
