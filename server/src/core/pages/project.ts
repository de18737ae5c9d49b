import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { randomAlphanumerics } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'

/** What pages may do with the keys of a rule; the owner's token may do everything. */
export type PagePreset =
  | 'anything'
  | 'read-only'
  | 'write-once'
  | 'append-only'
  | 'only-raise'
  | 'own-keys-only'

export const pagePresets: readonly PagePreset[] = [
  'anything',
  'read-only',
  'write-once',
  'append-only',
  'only-raise',
  'own-keys-only',
]

/**
 * Exactly one of key and prefix. A rule by key goes before one by prefix, the longest prefix before
 * shorter ones.
 */
export interface PageRule {
  readonly key?: string
  readonly prefix?: string
  readonly preset: PagePreset
}

/** Stands for the user's id in a rule of own keys. */
export const me = '{me}'

/** What is said of the keys of one rule, in place of what was; null: nothing any more. */
export type PageRuleChange = Omit<PageRule, 'preset'> & { readonly preset: PagePreset | null }

/** What a store is besides where it is an App Lab project: pages without a backend write to it. */
export interface Project {
  /** Unique on the installation. */
  readonly channelId: string
  /** What pages show where the channel id alone opens nothing; secret. */
  readonly pageKey: string
  /**
   * Proves the ids that pages were given; secret, shown to nobody, and never another: with another
   * one, who may write their own keys alone would lose them.
   */
  readonly userSecret: string
  /** Whether the channel id alone may get and set. */
  readonly isOpen: boolean
  /** Whether pages may delete keys. */
  readonly mayDelete: boolean
  /** Pages may list the keys that begin like one of these. */
  readonly listPrefixes: readonly string[]
  readonly rules: readonly PageRule[]
  /**
   * Whether there is a seed, which lies in an entry of its own: the identity is read by every
   * request and small.
   */
  readonly hasSeed: boolean
}

/** What may be changed of a project; what is left out stays. */
export interface ProjectChanges {
  readonly isOpen?: boolean
  readonly mayDelete?: boolean
  readonly listPrefixes?: readonly string[]
  /** In place of all there were. */
  readonly rules?: readonly PageRule[]
  /** Of these keys and prefixes alone: others keep their rules, whoever changes them meanwhile. */
  readonly ruleChanges?: readonly PageRuleChange[]
  /** True: pages that have the old key are refused. */
  readonly rotatesPageKey?: boolean
}

const pageKeyPrefix = 'ck_page_'
/** 190 random bits. */
const secretLength = 32
const channelIdBytes = 16
const channelIdForm = /^[A-Za-z0-9_-]{1,100}$/
/** 16 bytes as base64url: of the last character, two bits count. */
const madeChannelIdForm = /^[A-Za-z0-9_][A-Za-z0-9_-]{20}[AQgw]$/
const madePageKeyForm = /^ck_page_[A-Za-z0-9]{32}$/

/** A project as it is at first. Without a channel id it gets one that nobody guesses. */
export function newProject(
  environment: Environment,
  { channelId, isOpen }: { channelId?: string | undefined; isOpen: boolean },
): Project {
  return {
    channelId: channelId ?? createChannelId(environment),
    pageKey: createPageKey(environment),
    userSecret: randomAlphanumerics(environment, secretLength),
    isOpen,
    mayDelete: false,
    listPrefixes: [],
    rules: [],
    hasSeed: false,
  }
}

/** Letters, digits, `_` and `-`, at most 100. */
export function isChannelId(text: string): boolean {
  return channelIdForm.test(text)
}

/** Whether Coatcheck may have made this channel id: nobody guesses one of these. */
export function isWellMadeChannelId(text: string): boolean {
  return madeChannelIdForm.test(text)
}

/** ... this page key. */
export function isWellMadePageKey(text: string): boolean {
  return madePageKeyForm.test(text)
}

/** Throws `page-rules-invalid`. */
export function assertProjectChanges(changes: ProjectChanges): void {
  const { rules = [], listPrefixes = [], ruleChanges = [] } = changes
  assertBounds(rules, listPrefixes)
  if (ruleChanges.length > limits.pageRulesMax) throw tooMany()
  for (const rule of rules) assertPageRule(rule)
  for (const { preset, ...where } of ruleChanges) {
    assertPageRule({ ...where, preset: preset ?? 'anything' })
  }
  for (const prefix of listPrefixes) assertKeyText(prefix)
  const names = rules.map(({ key, prefix }) => JSON.stringify([key ?? null, prefix ?? null]))
  if (new Set(names).size < names.length) throw invalid('one for each key or prefix')
}

/** The project after these changes. Throws `page-rules-invalid` where it has too many rules. */
export function changedProject(
  project: Project,
  { rotatesPageKey = false, ruleChanges = [], ...changes }: ProjectChanges,
  environment: Environment,
): Project {
  const pageKey = rotatesPageKey ? createPageKey(environment) : project.pageKey
  const next = { ...project, ...changes, pageKey }
  if (ruleChanges.length === 0) return next
  const rules = ruleChanges.reduce(withRule, next.rules)
  assertBounds(rules, [])
  return { ...next, rules }
}

function withRule(
  rules: readonly PageRule[],
  { preset, ...where }: PageRuleChange,
): readonly PageRule[] {
  const others = rules.filter(({ key, prefix }) => key !== where.key || prefix !== where.prefix)
  return preset === null ? others : [...others, { ...where, preset }]
}

function assertBounds(rules: readonly PageRule[], listPrefixes: readonly string[]): void {
  if (rules.length > limits.pageRulesMax || listPrefixes.length > limits.pageRulesMax) {
    throw tooMany()
  }
  const bytes = Buffer.byteLength(JSON.stringify([rules, listPrefixes]))
  if (bytes <= limits.pageRulesBytesMax) return
  throw invalid(`at most ${limits.pageRulesBytesMax} bytes in all`)
}

function tooMany(): StorageError {
  return invalid(`at most ${limits.pageRulesMax} of a kind`)
}

export function projectNotFound(channelId: string): StorageError {
  return new StorageError('project-not-found', `There is no project ${channelId.slice(0, 100)}.`)
}

function assertPageRule({ key, prefix, preset }: PageRule): void {
  if ((key === undefined) === (prefix === undefined)) {
    throw invalid('each by a key or by a prefix, and not by both')
  }
  assertKeyText(key ?? prefix ?? '')
  if (!pagePresets.includes(preset)) throw invalid(`each one of ${pagePresets.join(', ')}`)
  if (preset !== 'own-keys-only' || key === undefined || key.includes(me)) return
  // Nobody could ever write that key.
  throw invalid(
    `own-keys-only by a prefix, or by a key with ${me} in it, where the user's id stands`,
  )
}

function assertKeyText(text: string): void {
  const isShort = Buffer.byteLength(text) <= limits.recordKeyBytesMax
  if (!isShort || !text.isWellFormed()) throw invalid('by texts that a key can begin with')
}

function invalid(rule: string): StorageError {
  return new StorageError('page-rules-invalid', `The rules for pages must be: ${rule}.`)
}

/**
 * 128 random bits, as base64url: 22 characters. With a hyphen in front a command line would take it
 * for an option.
 */
function createChannelId(environment: Environment): string {
  const id = Buffer.from(environment.randomBytes(channelIdBytes)).toString('base64url')
  return id.startsWith('-') ? createChannelId(environment) : id
}

function createPageKey(environment: Environment): string {
  return pageKeyPrefix + randomAlphanumerics(environment, secretLength)
}
