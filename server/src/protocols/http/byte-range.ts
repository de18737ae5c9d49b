import type { Span } from '../../core/values/value.ts'

/** `whole`: the header is ignored, because it does not ask for one range that can be sent. */
export type WantedRange = Span | 'whole' | 'unsatisfiable'

const int = /^(\d+)-(\d*)$/
const suffix = /^-(\d+)$/

/** Whether the header asks for one range, so that it depends on the size what is sent. */
export function asksForOneRange(header: string): boolean {
  return wantedRange(header, Number.MAX_SAFE_INTEGER) !== 'whole'
}

/**
 * The part of `size` bytes that a `Range` header asks for (RFC 9110, 14.1.2 and 14.2). Several
 * ranges, other units and malformed headers give the whole, as the RFC allows.
 */
export function wantedRange(header: string, size: number): WantedRange {
  const set = /^bytes=(.*)$/i.exec(header)?.[1] ?? ''
  const ranges = set.split(',').map((one) => one.replace(/^[ \t]+|[ \t]+$/g, ''))
  const [range, ...others] = ranges.filter((one) => one !== '')
  if (range === undefined || others.length > 0) return 'whole'
  const [, first, last] = int.exec(range) ?? []
  if (first !== undefined) return intRange(Number(first), { last: last ?? '', size })
  const [, length] = suffix.exec(range) ?? []
  return length === undefined ? 'whole' : suffixRange(Number(length), size)
}

function intRange(start: number, { last, size }: { last: string; size: number }): WantedRange {
  if (last !== '' && Number(last) < start) return 'whole'
  if (start >= size) return 'unsatisfiable'
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  return { start, end }
}

/** The last bytes of an empty value are no bytes, which no `Content-Range` can express. */
function suffixRange(length: number, size: number): WantedRange {
  if (length === 0) return 'unsatisfiable'
  return size === 0 ? 'whole' : { start: Math.max(0, size - length), end: size }
}
