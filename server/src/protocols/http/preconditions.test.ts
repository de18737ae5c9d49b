import { describe, expect, it } from 'vitest'
import {
  isConditional,
  isRangeOfCurrent,
  MalformedHeaderError,
  namesSecond,
  readOutcome,
  type Validators,
  writeCondition,
} from './preconditions.ts'

type Headers = Readonly<Record<string, string>>

const clock = { now: () => Date.UTC(2026, 5, 15) }
/** Half a second after the full second in its Last-Modified. */
const current: Validators = {
  entityTag: '"7"',
  modifiedAt: Date.UTC(2026, 0, 1) + 500,
  isOnlyOfSecond: true,
}
const same = 'Thu, 01 Jan 2026 00:00:00 GMT'
const before = 'Wed, 31 Dec 2025 23:59:59 GMT'
const after = 'Thu, 01 Jan 2026 00:00:01 GMT'
const malformed = ['', '7', '"7', '"7" "8"', '"8", 7', '*, "7"']

function request(headers: Headers): { header(name: string): string | undefined } {
  return { header: (name) => headers[name] }
}

describe('the conditions of a read', () => {
  const outcome = (headers: Headers, entityTag = '"7"'): string =>
    readOutcome(request(headers), { ...current, entityTag }, clock)

  it.each<[Headers, string]>([
    [{}, 'serve'],
    [{ 'if-match': '"7"' }, 'serve'],
    [{ 'if-match': '"6", "7"' }, 'serve'],
    [{ 'if-match': '*' }, 'serve'],
    [{ 'if-match': '"6"' }, 'failed'],
    [{ 'if-match': 'W/"7"' }, 'serve'],
    [{ 'if-match': '"7-gzip"' }, 'serve'],
    [{ 'if-match': 'W/"6"' }, 'failed'],
    [{ 'if-match': '"7-d"' }, 'failed'],
    [{ 'if-none-match': '"7"' }, 'not-modified'],
    [{ 'if-none-match': 'W/"7"' }, 'not-modified'],
    [{ 'if-none-match': '"6", W/"7"' }, 'not-modified'],
    [{ 'if-none-match': '*' }, 'not-modified'],
    [{ 'if-none-match': '"6"' }, 'serve'],
    [{ 'if-none-match': '"7-d"' }, 'serve'],
    [{ 'if-modified-since': same }, 'not-modified'],
    [{ 'if-modified-since': after }, 'not-modified'],
    [{ 'if-modified-since': before }, 'serve'],
    [{ 'if-unmodified-since': same }, 'serve'],
    [{ 'if-unmodified-since': after }, 'serve'],
    [{ 'if-unmodified-since': before }, 'failed'],
  ])('%j: %s', (headers, expected) => {
    expect(outcome(headers)).toBe(expected)
  })

  it.each<[Headers, string]>([
    [{ 'if-modified-since': same }, 'serve'],
    [{ 'if-modified-since': after }, 'not-modified'],
    [{ 'if-modified-since': before }, 'serve'],
    [{ 'if-unmodified-since': same }, 'failed'],
    [{ 'if-unmodified-since': after }, 'serve'],
    [{ 'if-unmodified-since': before }, 'failed'],
  ])('of a second with several versions (RFC 9110, 8.8.2.2): %j: %s', (headers, expected) => {
    const shared = { ...current, isOnlyOfSecond: false }
    expect(readOutcome(request(headers), shared, clock)).toBe(expected)
  })

  it.each<[Headers, string]>([
    [{ 'if-match': '"6"', 'if-none-match': '"7"' }, 'failed'],
    [{ 'if-match': '"7"', 'if-none-match': '"7"' }, 'not-modified'],
    [{ 'if-match': '"7"', 'if-unmodified-since': before }, 'serve'],
    [{ 'if-unmodified-since': before, 'if-none-match': '"7"' }, 'failed'],
    [{ 'if-unmodified-since': same, 'if-none-match': '"7"' }, 'not-modified'],
    [{ 'if-none-match': '"6"', 'if-modified-since': same }, 'serve'],
    [{ 'if-none-match': '"7"', 'if-modified-since': before }, 'not-modified'],
    [{ 'if-match': '"7"', 'if-modified-since': same }, 'not-modified'],
  ])('are decided in the order of the RFC: %j: %s', (headers, expected) => {
    expect(outcome(headers)).toBe(expected)
  })

  it('apply to the bytes that would be sent, stored or decoded', () => {
    expect(outcome({ 'if-none-match': '"7-d"' }, '"7-d"')).toBe('not-modified')
    expect(outcome({ 'if-none-match': '"7"' }, '"7-d"')).toBe('serve')
    expect(outcome({ 'if-match': '"7"' }, '"7-d"')).toBe('failed')
  })

  it.each(malformed)('are refused, not ignored, if the tags are malformed: %j', (tags) => {
    expect(() => outcome({ 'if-match': tags })).toThrow(MalformedHeaderError)
    expect(() => outcome({ 'if-none-match': tags })).toThrow(MalformedHeaderError)
  })

  it('are ignored if the date is malformed, as the RFC says', () => {
    for (const date of ['', 'yesterday', '0', `${same}, ${same}`]) {
      expect(outcome({ 'if-modified-since': date }), date).toBe('serve')
      expect(outcome({ 'if-unmodified-since': date }), date).toBe('serve')
    }
  })
})

describe('a range', () => {
  const isOfCurrent = (ifRange: string): boolean =>
    isRangeOfCurrent(request({ 'if-range': ifRange }), current, clock)

  it('is of the current value if there is no If-Range', () => {
    expect(isRangeOfCurrent(request({}), current, clock)).toBe(true)
  })

  it.each([
    ['"7"', true],
    [same, true],
    ['"6"', false],
    ['W/"7"', false],
    ['"7-d"', false],
    [before, false],
    [after, false],
  ])('with If-Range %s is of the current value: %s', (ifRange, expected) => {
    expect(isOfCurrent(ifRange)).toBe(expected)
  })

  it('is not, by a date of a second with several versions (RFC 9110, 13.1.5)', () => {
    const shared = { ...current, isOnlyOfSecond: false }
    expect(isRangeOfCurrent(request({ 'if-range': same }), shared, clock)).toBe(false)
    expect(isRangeOfCurrent(request({ 'if-range': '"7"' }), shared, clock)).toBe(true)
  })

  it.each(['', '7', '*', '"7", "8"', 'yesterday'])(
    'is refused with the malformed If-Range %j',
    (text) => {
      expect(() => isOfCurrent(text)).toThrow(MalformedHeaderError)
    },
  )
})

describe('the conditions of a write', () => {
  const condition = (headers: Headers): unknown => writeCondition(request(headers), clock)
  const revisions = (...anyOf: number[]): unknown => ({ kind: 'revision', anyOf })

  it.each<[Headers, unknown]>([
    [{}, undefined],
    [{ 'if-modified-since': same }, undefined],
    [{ 'if-match': '*' }, { kind: 'present' }],
    [{ 'if-match': '"7"' }, revisions(7)],
    [{ 'if-match': '"7-d", "8"' }, revisions(7, 8)],
    [{ 'if-match': 'W/"7", "other", "07", "9"' }, revisions(7, 9)],
    [{ 'if-match': '"7-gzip", W/"8--gzip", "9-d-br", "-gzip"' }, revisions(7, 8, 9)],
    [{ 'if-match': '"other"' }, revisions()],
    [{ 'if-none-match': '*' }, { kind: 'absent' }],
    [{ 'if-none-match': 'W/"7", "8-d"' }, { kind: 'otherRevision', noneOf: [7, 8] }],
    [{ 'if-unmodified-since': same }, { kind: 'writtenBefore', time: Date.UTC(2026, 0, 1) }],
    [{ 'if-match': '"7"', 'if-unmodified-since': before }, revisions(7)],
    [
      { 'if-match': '"7"', 'if-none-match': '*' },
      { kind: 'all', of: [revisions(7), { kind: 'absent' }] },
    ],
  ])('%j: %j', (headers, expected) => {
    expect(condition(headers)).toEqual(expected)
  })

  it.each(malformed)('are refused, not ignored, if the tags are malformed: %j', (tags) => {
    expect(() => condition({ 'if-match': tags })).toThrow(MalformedHeaderError)
    expect(() => condition({ 'if-none-match': tags })).toThrow(MalformedHeaderError)
  })

  it('are refused, not ignored, if the date is malformed', () => {
    expect(() => condition({ 'if-unmodified-since': 'yesterday' })).toThrow(MalformedHeaderError)
  })
})

describe('whether a read names the second of the current value', () => {
  it.each<[Headers, boolean]>([
    [{ 'if-modified-since': same }, true],
    [{ 'if-unmodified-since': same }, true],
    [{ 'if-range': same, range: 'bytes=0-1' }, true],
    // RFC 9110, 13.1.3, 13.1.4 and 13.1.5: what is ignored needs no look into the change log.
    [{ 'if-range': same }, false],
    [{ 'if-modified-since': same, 'if-none-match': '"7"' }, false],
    [{ 'if-unmodified-since': same, 'if-match': '"7"' }, false],
    [{ 'if-modified-since': same, 'if-match': '"7"' }, true],
    [{ 'if-range': before, 'if-modified-since': after }, false],
    [{ 'if-range': '"7"', 'if-match': '"7"' }, false],
    [{}, false],
  ])('%j: %s', (headers, expected) => {
    expect(namesSecond(request(headers), current, clock)).toBe(expected)
  })
})

describe('whether a request has conditions at all', () => {
  it('depends on the four headers, which may also be empty', () => {
    const names = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']
    for (const name of names) expect(isConditional(request({ [name]: '' })), name).toBe(true)
    expect(isConditional(request({ range: 'bytes=0-1', 'if-range': '"7"' }))).toBe(false)
  })
})
