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
 * Has either a key or a prefix. A rule for a key takes precedence over one for a prefix, a longer
 * prefix over a shorter one.
 */
export interface PageRule {
  readonly key?: string
  readonly prefix?: string
  readonly preset: PagePreset
}

/** Stands for the user's id in an own-keys-only rule. */
export const me = '{me}'

/** Sets the preset of the rule for a key or prefix; null removes the rule. */
export type PageRuleChange = Omit<PageRule, 'preset'> & { readonly preset: PagePreset | null }

/** The settings of a store that is an App Lab project: pages without a backend write to it. */
export interface Project {
  /** Unique on the installation. */
  readonly channelId: string
  /** The key that pages must send if the channel id alone gives no access; secret. */
  readonly pageKey: string
  /**
   * Proves the user ids that pages were given. Secret, never shown, and never changed: with another
   * secret, users would lose the keys that only they may write.
   */
  readonly userSecret: string
  /** Whether the channel id alone gives the right to get and set. */
  readonly isOpen: boolean
  /** Whether pages may delete keys. */
  readonly mayDelete: boolean
  /** Pages may list the keys that begin with one of these. */
  readonly listPrefixes: readonly string[]
  readonly rules: readonly PageRule[]
  /**
   * Whether there is a seed. It is stored in its own entry, since every request reads this one,
   * which must stay small.
   */
  readonly hasSeed: boolean
}

/** The changes to a project. Settings that are left out stay as they are. */
export interface ProjectChanges {
  readonly isOpen?: boolean
  readonly mayDelete?: boolean
  readonly listPrefixes?: readonly string[]
  /** Replaces all rules. */
  readonly rules?: readonly PageRule[]
  /**
   * Changes only the rules for these keys and prefixes. Other rules stay, even if they are changed
   * at the same time.
   */
  readonly ruleChanges?: readonly PageRuleChange[]
  /** True: creates a new page key, so pages with the old key are refused. */
  readonly rotatesPageKey?: boolean
}

const pageKeyPrefix = 'ck_page_'
/** 190 random bits. */
const secretLength = 32
const channelIdBytes = 16
const channelIdForm = /^[A-Za-z0-9_-]{1,100}$/
/** 16 bytes as base64url: only two bits of the last character are used. */
const madeChannelIdForm = /^[A-Za-z0-9_][A-Za-z0-9_-]{20}[AQgw]$/
const madePageKeyForm = /^ck_page_[A-Za-z0-9]{32}$/

/** A new project. Without a channel id, it gets a random one that can't be guessed. */
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

/** Whether the channel id has the form of one that Coatcheck made. Such an id can't be guessed. */
export function isWellMadeChannelId(text: string): boolean {
  return madeChannelIdForm.test(text)
}

/** Whether the page key has the form of one that Coatcheck made. Such a key can't be guessed. */
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
  if (new Set(names).size < names.length)
    throw invalid('only one rule is allowed for each key or prefix')
}

/** The project after these changes. Throws `page-rules-invalid` if it would have too many rules. */
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
  throw invalid(`all rules together may have at most ${limits.pageRulesBytesMax} bytes`)
}

function tooMany(): StorageError {
  return invalid(
    `at most ${limits.pageRulesMax} rules and ${limits.pageRulesMax} list prefixes are allowed`,
  )
}

export function projectNotFound(channelId: string): StorageError {
  return new StorageError('project-not-found', `There is no project ${channelId.slice(0, 100)}.`)
}

function assertPageRule({ key, prefix, preset }: PageRule): void {
  if ((key === undefined) === (prefix === undefined)) {
    throw invalid('each rule needs either a key or a prefix')
  }
  assertKeyText(key ?? prefix ?? '')
  if (!pagePresets.includes(preset))
    throw invalid(`the preset must be one of ${pagePresets.join(', ')}`)
  if (preset !== 'own-keys-only' || key === undefined || key.includes(me)) return
  // Nobody could ever write that key.
  throw invalid(`own-keys-only needs a prefix, or a key with ${me} in place of the user's id`)
}

function assertKeyText(text: string): void {
  const isShort = Buffer.byteLength(text) <= limits.recordKeyBytesMax
  if (!isShort || !text.isWellFormed()) throw invalid('no key can begin with this text')
}

function invalid(rule: string): StorageError {
  return new StorageError('page-rules-invalid', `Invalid page rules: ${rule}.`)
}

/**
 * 128 random bits, as base64url: 22 characters. It never begins with a hyphen, since a command line
 * would read it as an option.
 */
function createChannelId(environment: Environment): string {
  const id = Buffer.from(environment.randomBytes(channelIdBytes)).toString('base64url')
  return id.startsWith('-') ? createChannelId(environment) : id
}

function createPageKey(environment: Environment): string {
  return pageKeyPrefix + randomAlphanumerics(environment, secretLength)
}
