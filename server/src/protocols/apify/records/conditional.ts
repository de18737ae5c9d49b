import { StorageError } from '../../../core/kernel/errors.ts'
import type { Condition, RecordHead } from '../../../core/records/record.ts'
import type { Span } from '../../../core/values/value.ts'
import type { HttpReply, HttpRequest } from '../../../transport/exchange.ts'
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
import { headersOf304 } from './representation.ts'

type Headers = HttpReply['headers']

/** Whether a GET or HEAD has none of the headers that `unchangedReply` and `wantedSpan` read. */
export function isPlainRead({ request }: ApifyCall): boolean {
  return request.header('range') === undefined && !isConditional(request)
}

/**
 * The 304 reply, if the conditions of a GET or HEAD ask for one; undefined if the record is to be
 * sent. `headers` are those of the full reply. Throws `condition-failed`, RequestError.
 */
export function unchangedReply(
  { request, environment }: ApifyCall,
  current: Validators,
  headers: Headers,
): HttpReply | undefined {
  if (!isConditional(request)) return undefined
  const outcome = understood(() => readOutcome(request, current, environment))
  if (outcome === 'serve') return undefined
  if (outcome === 'not-modified') return { status: 304, headers: headersOf304(headers), body: '' }
  throw new StorageError('condition-failed', 'The record is not the expected one.')
}

/**
 * Whether a GET asks for a part of the representation that `current` describes. Throws
 * RequestError.
 */
export function wantsPart(
  { request, environment }: ApifyCall,
  current: Validators,
  { contentEncoding }: RecordHead,
): boolean {
  if (request.method !== 'GET' || request.header('range') === undefined) return false
  // An encoded record has one date for both of its forms, so a date does not name one of them.
  const isOnlyOfSecond = current.isOnlyOfSecond && contentEncoding === ''
  return understood(() => isRangeOfCurrent(request, { ...current, isOnlyOfSecond }, environment))
}

/**
 * The part that a GET asks for, of `size` bytes; undefined if all of them are to be sent. Throws
 * RequestError.
 */
export function wantedSpan({ request }: ApifyCall, size: number): Span | undefined {
  const wanted = wantedRange(request.header('range') ?? '', size)
  if (wanted === 'unsatisfiable') throw rangeNotSatisfiable(size)
  return wanted === 'whole' ? undefined : wanted
}

/** Adds the headers that say which part of `size` bytes is sent. */
export function headersOfSpan(headers: Headers, { start, end }: Span, size: number): Headers {
  headers['Content-Length'] = end - start
  headers['Content-Range'] = `bytes ${start}-${end - 1}/${size}`
  return headers
}

/** The condition of a write on the record that it replaces or deletes. Throws RequestError. */
export function conditionOf({
  request,
  environment,
}: Pick<ApifyCall, 'environment'> & { readonly request: Pick<HttpRequest, 'header'> }):
  | Condition
  | undefined {
  if (!isConditional(request)) return undefined
  return understood(() => writeCondition(request, environment))
}

/** A part must never be stored as a whole value (RFC 9110, 14.5). Throws RequestError. */
export function assertWholeValue({ request }: ApifyCall): void {
  if (request.header('content-range') === undefined) return
  const message = 'This API end-point stores whole records: it takes no Content-Range'
  throw new RequestError({ status: 400, type: 'invalid-request' }, message)
}

function rangeNotSatisfiable(size: number): RequestError {
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
