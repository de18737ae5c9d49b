import type { Environment } from '../../core/kernel/environment.ts'
import type { Condition } from '../../core/records/record.ts'
import type { HttpRequest } from '../../transport/exchange.ts'
import {
  type EntityTags,
  parseEntityTag,
  parseEntityTags,
  revisionOf,
  unproxied,
} from './entity-tags.ts'
import { parseHttpDate } from './http-date.ts'

export type Headers = Pick<HttpRequest, 'header'>
export type Clock = Pick<Environment, 'now'>

/** The representation that a read would return. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly entityTag: string
  /** Milliseconds since 1970. Headers have only seconds. */
  readonly modifiedAt: number
  /**
   * Whether no other version was there in the same second. Only then does the date name this
   * version (RFC 9110, 8.8.2.2).
   */
  readonly isOnlyOfSecond: boolean
}

/** A condition that can't be understood. It is an error, because ignoring it could do harm. */
export class MalformedHeaderError extends Error {
  constructor(name: string, rule: string) {
    super(`The header ${name} must be ${rule}`)
    this.name = 'MalformedHeaderError'
  }
}

/**
 * The headers of a read that compare dates, and what decides whether they count: a date is ignored
 * beside an entity tag (RFC 9110, 13.1.3 and 13.1.4), and `If-Range` without a range (13.1.5).
 */
const datedHeaders: readonly DatedHeader[] = [
  { name: 'if-modified-since', counts: (has) => !has('if-none-match') },
  { name: 'if-unmodified-since', counts: (has) => !has('if-match') },
  { name: 'if-range', counts: (has) => has('range') },
]

interface DatedHeader {
  readonly name: string
  counts(has: (name: string) => boolean): boolean
}

/**
 * Whether a header of a read names the second in which the record was changed last. Only then does
 * it matter whether that second had several versions.
 */
export function namesSecond(
  request: Headers,
  { modifiedAt }: Pick<Validators, 'modifiedAt'>,
  clock: Clock,
): boolean {
  const has = (name: string): boolean => request.header(name) !== undefined
  return datedHeaders.some(({ name, counts }) => {
    const header = request.header(name)
    if (header === undefined || !counts(has)) return false
    return parseHttpDate(header, { now: clock.now() }) === secondOf(modifiedAt)
  })
}

/** A cheap check before the others, because most requests have no conditions. */
export function isConditional(request: Headers): boolean {
  return (
    request.header('if-match') !== undefined ||
    request.header('if-none-match') !== undefined ||
    request.header('if-modified-since') !== undefined ||
    request.header('if-unmodified-since') !== undefined
  )
}

/**
 * Decides the conditions of a GET or HEAD against the current representation, in the order of RFC
 * 9110 (13.2.2). Throws MalformedHeaderError for malformed tags. Malformed dates are ignored
 * (13.1.3, 13.1.4).
 */
export function readOutcome(
  request: Headers,
  current: Validators,
  clock: Clock,
): 'serve' | 'not-modified' | 'failed' {
  const match = request.header('if-match')
  if (match !== undefined) {
    if (!matchesExactly(tagsOf('If-Match', match), current)) return 'failed'
  } else if (isBefore(request.header('if-unmodified-since'), current, clock)) {
    return 'failed'
  }
  const noneMatch = request.header('if-none-match')
  if (noneMatch !== undefined) {
    return matchesWeakly(tagsOf('If-None-Match', noneMatch), current) ? 'not-modified' : 'serve'
  }
  const since = request.header('if-modified-since')
  const time = since === undefined ? undefined : parseHttpDate(since, { now: clock.now() })
  if (time === undefined) return 'serve'
  // A client that got another version of the same second must get this one.
  const isKnown = secondOf(current.modifiedAt) < time || isVersionOf(time, current)
  return isKnown ? 'not-modified' : 'serve'
}

/**
 * Whether the range of a GET is meant for the current representation, by its `If-Range` (RFC 9110,
 * 13.1.5). Throws MalformedHeaderError.
 */
export function isRangeOfCurrent(request: Headers, current: Validators, clock: Clock): boolean {
  const header = request.header('if-range')
  if (header === undefined) return true
  const tag = parseEntityTag(header)
  if (tag) return !tag.isWeak && tag.text === current.entityTag
  const time = parseHttpDate(header, { now: clock.now() })
  if (time === undefined) throw new MalformedHeaderError('If-Range', 'one entity tag or a date')
  return isVersionOf(time, current)
}

/** Whether a date can only mean the current version. */
function isVersionOf(time: number, { modifiedAt, isOnlyOfSecond }: Validators): boolean {
  return isOnlyOfSecond && time === secondOf(modifiedAt)
}

/**
 * The conditions of a PUT, POST or DELETE on the record; undefined if there are none. The core must
 * check them together with the write, so that no other write comes in between. Throws
 * MalformedHeaderError.
 */
export function writeCondition(request: Headers, clock: Clock): Condition | undefined {
  const match = request.header('if-match')
  const noneMatch = request.header('if-none-match')
  // If-Match takes precedence (RFC 9110, 13.1.4).
  const unmodified = match === undefined ? request.header('if-unmodified-since') : undefined
  const of: Condition[] = []
  if (match !== undefined) of.push(matching(tagsOf('If-Match', match)))
  if (unmodified !== undefined) of.push(unmodifiedSince(unmodified, clock))
  if (noneMatch !== undefined) of.push(matchingNone(tagsOf('If-None-Match', noneMatch)))
  const [only, ...others] = of
  return others.length === 0 ? only : { kind: 'all', of }
}

/**
 * RFC 9110, 13.1.1, asks for a strong comparison. The weak form of a tag passes all the same:
 * proxies that compress replies make it of a strong one, and a revision has only one value.
 */
function matching(tags: EntityTags): Condition {
  return tags === '*' ? { kind: 'present' } : { kind: 'revision', anyOf: revisionsOf(tags) }
}

function matchingNone(tags: EntityTags): Condition {
  return tags === '*' ? { kind: 'absent' } : { kind: 'otherRevision', noneOf: revisionsOf(tags) }
}

/**
 * The record must be older than the second of the date: within that second there may have been
 * several versions. `exactCondition` adds the version of that second if it had only one.
 */
function unmodifiedSince(header: string, clock: Clock): Condition {
  const time = parseHttpDate(header, { now: clock.now() })
  if (time === undefined) throw new MalformedHeaderError('If-Unmodified-Since', 'a date')
  return { kind: 'writtenBefore', time }
}

function revisionsOf(tags: Exclude<EntityTags, '*'>): number[] {
  return tags.map(revisionOf).filter((revision) => revision !== undefined)
}

function tagsOf(name: string, header: string): EntityTags {
  const tags = parseEntityTags(header)
  if (tags) return tags
  throw new MalformedHeaderError(name, 'a list of entity tags in double quotes, or *')
}

/** As `matching`, for a read. */
function matchesExactly(tags: EntityTags, { entityTag }: Validators): boolean {
  return tags === '*' || tags.some(({ text }) => unproxied(text) === entityTag)
}

function matchesWeakly(tags: EntityTags, { entityTag }: Validators): boolean {
  return tags === '*' || tags.some(({ text }) => text === entityTag)
}

/** Whether the current version may be newer than a date. A malformed date is ignored. */
function isBefore(date: string | undefined, current: Validators, clock: Clock): boolean {
  const time = date === undefined ? undefined : parseHttpDate(date, { now: clock.now() })
  if (time === undefined || secondOf(current.modifiedAt) < time) return false
  return !isVersionOf(time, current)
}

const secondMs = 1_000

/** The second of a `Last-Modified`, in ms. */
export function secondOf(modifiedAt: number): number {
  return Math.floor(modifiedAt / secondMs) * secondMs
}
