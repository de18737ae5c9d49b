import type { Environment } from '../../core/kernel/environment.ts'
import type { Condition } from '../../core/records/record.ts'
import type { HttpRequest } from '../../transport/exchange.ts'
import { type EntityTags, parseEntityTag, parseEntityTags, revisionOf } from './entity-tags.ts'
import { parseHttpDate } from './http-date.ts'

type Headers = Pick<HttpRequest, 'header'>
type Clock = Pick<Environment, 'now'>

/** The representation that a read would return. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly entityTag: string
  /** Milliseconds since 1970. Headers have only seconds. */
  readonly modifiedAt: number
}

/** A condition that can't be understood. It is an error, because ignoring it could do harm. */
export class MalformedHeaderError extends Error {
  constructor(name: string, rule: string) {
    super(`The header ${name} must be ${rule}`)
    this.name = 'MalformedHeaderError'
  }
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
    if (!matchesStrongly(tagsOf('If-Match', match), current)) return 'failed'
  } else if (isOlderThan(request.header('if-unmodified-since'), current, clock)) {
    return 'failed'
  }
  const noneMatch = request.header('if-none-match')
  if (noneMatch !== undefined) {
    return matchesWeakly(tagsOf('If-None-Match', noneMatch), current) ? 'not-modified' : 'serve'
  }
  const since = request.header('if-modified-since')
  const time = since === undefined ? undefined : parseHttpDate(since, { now: clock.now() })
  return time !== undefined && secondOf(current) <= time ? 'not-modified' : 'serve'
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
  // Clients send a date only if they know that nothing changed later in the same second.
  return time === secondOf(current)
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

function matching(tags: EntityTags): Condition {
  if (tags === '*') return { kind: 'present' }
  const strong = tags.filter(({ isWeak }) => !isWeak)
  return { kind: 'revision', anyOf: revisionsOf(strong) }
}

function matchingNone(tags: EntityTags): Condition {
  return tags === '*' ? { kind: 'absent' } : { kind: 'otherRevision', noneOf: revisionsOf(tags) }
}

/** A date stands for its whole second. */
function unmodifiedSince(header: string, clock: Clock): Condition {
  const time = parseHttpDate(header, { now: clock.now() })
  if (time === undefined) throw new MalformedHeaderError('If-Unmodified-Since', 'a date')
  return { kind: 'writtenBefore', time: time + secondMs }
}

function revisionsOf(tags: Exclude<EntityTags, '*'>): number[] {
  return tags.map(revisionOf).filter((revision) => revision !== undefined)
}

function tagsOf(name: string, header: string): EntityTags {
  const tags = parseEntityTags(header)
  if (tags) return tags
  throw new MalformedHeaderError(name, 'a list of entity tags in double quotes, or *')
}

function matchesStrongly(tags: EntityTags, { entityTag }: Validators): boolean {
  return tags === '*' || tags.some(({ text, isWeak }) => !isWeak && text === entityTag)
}

function matchesWeakly(tags: EntityTags, { entityTag }: Validators): boolean {
  return tags === '*' || tags.some(({ text }) => text === entityTag)
}

/** Whether a date is older than the current representation. A malformed date is ignored. */
function isOlderThan(date: string | undefined, current: Validators, clock: Clock): boolean {
  const time = date === undefined ? undefined : parseHttpDate(date, { now: clock.now() })
  return time !== undefined && time < secondOf(current)
}

const secondMs = 1_000

function secondOf({ modifiedAt }: Validators): number {
  return Math.floor(modifiedAt / secondMs) * secondMs
}
