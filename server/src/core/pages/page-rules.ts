import {
  type ExactJson,
  isEqualJson,
  isObject,
  numberIn,
  parseExactJson,
  stringIn,
} from '../values/exact-json.ts'
import { compareNumbers } from '../values/numbers.ts'
import { me, type PagePreset, type PageRule } from './project.ts'

/** Why a page may not write: the preset of the rule that refuses the write. */
export type PageRefusal = Exclude<PagePreset, 'anything'>

/** A record as pages see it. */
export type PageValue =
  | { readonly kind: 'absent' }
  /** `text` is JSON. */
  | { readonly kind: 'json'; readonly text: string }
  /** Written through another door, and not JSON: a page could not have written it. */
  | { readonly kind: 'not-json' }

export interface PageWrite {
  readonly key: string
  /** Undefined: the page has no valid user id. */
  readonly userId: string | undefined
  /** Only used if `needsValueBefore` is true for the rule. */
  readonly before: PageValue
  /** The new value: `absent` deletes the key. */
  readonly next: PageValue
}

const anything: PageRule = { prefix: '', preset: 'anything' }
const userIdPattern = '[A-Za-z0-9_-]{22}'
const userIdLength = 22

/**
 * The rule for a key: the rule of the key itself, else the rule of the longest prefix. Without a
 * rule, pages may do anything.
 */
export function ruleFor(rules: readonly PageRule[], key: string): PageRule {
  let found = anything
  let length = -1
  for (const rule of rules) {
    if (!isAbout(rule, key)) continue
    const own = rule.key === undefined ? lengthOf(rule) : Number.POSITIVE_INFINITY
    // Of two rules of the same length, own-keys-only applies, because it is stricter.
    if (own > length || (own === length && rule.preset === 'own-keys-only')) {
      found = rule
      length = own
    }
  }
  return found
}

export function isSameRule(one: PageRule, other: PageRule): boolean {
  return one.preset === other.preset && one.key === other.key && one.prefix === other.prefix
}

/** Whether the rule needs the replaced value to judge a write. */
export function needsValueBefore({ preset }: PageRule): boolean {
  return preset === 'write-once' || preset === 'append-only' || preset === 'only-raise'
}

/** Why the rule refuses a page's write; undefined: the write is allowed. */
export function refusalOf(rule: PageRule, write: PageWrite): PageRefusal | undefined {
  const { preset } = rule
  return preset === 'anything' || verdicts[preset](write, rule) ? undefined : preset
}

const verdicts: Readonly<Record<PageRefusal, (write: PageWrite, rule: PageRule) => boolean>> = {
  'read-only': () => false,
  'write-once': ({ before }) => before.kind === 'absent',
  'append-only': ({ before, next }) => {
    if (before.kind === 'absent') return true
    if (before.kind !== 'json' || next.kind !== 'json') return false
    return isAppended(parseExactJson(before.text), parseExactJson(next.text))
  },
  'only-raise': ({ before, next }) => {
    if (next.kind === 'absent') return before.kind === 'absent'
    const number = numberOf(next)
    if (number === undefined) return false
    if (before.kind === 'absent') return true
    const least = numberOf(before)
    return least !== undefined && compareNumbers(number, least) >= 0
  },
  'own-keys-only': ({ key, userId }, rule) => userId !== undefined && isOwn(key, userId, rule),
}

/** Whether `next` is the same text, list or object as `before`, with nothing or something added. */
function isAppended(before: ExactJson, next: ExactJson): boolean {
  const text = stringIn(before)
  if (text !== undefined) return stringIn(next)?.startsWith(text) ?? false
  if (Array.isArray(before)) {
    return Array.isArray(next) && before.every((item, index) => isEqualJson(item, next[index]))
  }
  if (!isObject(before) || !isObject(next)) return false
  return Object.entries(before).every(
    ([name, value]) => Object.hasOwn(next, name) && isEqualJson(value, Reflect.get(next, name)),
  )
}

/**
 * The number of a value, as it is written; undefined if it is none, or beyond what a page can read
 * as a number: no page could ever replace that.
 */
function numberOf(value: PageValue): string | undefined {
  if (value.kind !== 'json') return undefined
  const number = numberIn(parseExactJson(value.text))
  return number !== undefined && Number.isFinite(Number(number)) ? number : undefined
}

/** Whether the rule applies to that key. */
function isAbout({ key: only, prefix = '', preset }: PageRule, key: string): boolean {
  const text = only ?? prefix
  if (preset === 'own-keys-only' && text.includes(me)) {
    return patternOf(text, userIdPattern, only !== undefined).test(key)
  }
  return only === undefined ? key.startsWith(prefix) : key === only
}

/**
 * Whether a key is the user's own. With `{me}` in the rule: the keys with the id in its place.
 * Otherwise, under a prefix: the prefix followed by the id, and all keys that begin with that and a
 * slash.
 */
function isOwn(key: string, userId: string, { key: only, prefix }: PageRule): boolean {
  const own = ownKey({ key: only, prefix }, userId)
  if (only !== undefined) return only.includes(me) && key === own
  if (prefix?.includes(me)) return key.startsWith(own)
  return key === own || key.startsWith(`${own}/`)
}

/** The first of a user's own keys under an own-keys-only rule. */
export function ownKey(
  { key, prefix = '' }: { readonly key?: string | undefined; readonly prefix?: string | undefined },
  userId: string,
): string {
  const text = key ?? prefix
  return text.includes(me) ? text.replaceAll(me, userId) : text + userId
}

function patternOf(text: string, inner: string, isWhole: boolean): RegExp {
  const parts = text.split(me).map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  return new RegExp(`^${parts.join(inner)}${isWhole ? '$' : ''}`)
}

/** The length of the prefix, with each `{me}` counted as long as a user id. */
function lengthOf({ prefix = '', preset }: PageRule): number {
  const count = preset === 'own-keys-only' ? prefix.split(me).length - 1 : 0
  return prefix.length + count * (userIdLength - me.length)
}
