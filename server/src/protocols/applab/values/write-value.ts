import type { Revision } from '../../../core/engine/engine.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { lostRace, retry } from '../../../core/kernel/retry.ts'
import { needsValueBefore, refusalOf, ruleFor } from '../../../core/pages/page-rules.ts'
import { type PageRule, projectNotFound } from '../../../core/pages/project.ts'
import { whileHeld } from '../../../core/records/held-records.ts'
import type { Condition, StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { jsonType } from '../../json/json-value.ts'
import { RulesChanged, ruleRefusal } from '../page/errors.ts'
import type { Page } from '../page/page.ts'
import { pageValueIn, pageValueOf } from './read-value.ts'

/** The write that a call asks for. */
export interface ValueWrite {
  readonly key: string
  /** JSON text; undefined: the value is to be deleted. */
  readonly text: string | undefined
  /** The caller's condition on the current value; undefined: none. */
  readonly condition: Condition | undefined
}

/**
 * Sets or deletes a value. Returns its revision; undefined: it was deleted. Throws
 * `condition-failed`, and as `Store.put`.
 */
export async function writeValue(
  store: Store,
  { key, text, condition }: ValueWrite,
): Promise<Revision | undefined> {
  if (text === undefined) {
    await store.delete(key, condition)
    return undefined
  }
  const source = new WholeSource(Buffer.from(text))
  const record = { key, contentType: jsonType, contentEncoding: '', source } as const
  return (await store.put({ ...record, jsonState: 'sound' }, condition)).revision
}

/**
 * As `writeValue`, if the rules for pages allow the write. The rules are checked in one step with
 * the write: if somebody changes the value or the rules meanwhile, they are checked again. Throws
 * PageError too.
 */
export async function writeAsPage(
  store: Store,
  page: Page,
  write: ValueWrite,
): Promise<Revision | undefined> {
  const attempt = (): ReturnType<typeof tryWrite> => tryWrite(store, page, write)
  return retry(limits.writeAttemptsMax, attempt, () => {
    throw new StorageError('store-busy', 'Too many clients are changing this value. Try again.')
  })
}

/** `lostRace`: the value or the rules have changed since they were checked. */
async function tryWrite(
  store: Store,
  page: Page,
  write: ValueWrite,
): Promise<Revision | undefined | typeof lostRace> {
  const rule = await decidingRule(store, page, write.key)
  try {
    if (!needsValueBefore(rule)) {
      await assertAllowed(store, page, { rule, write, before: undefined })
      return await writeValue(store, write)
    }
    return await tryOver(store, page, { rule, write })
  } catch (error) {
    if (error instanceof RulesChanged) return lostRace
    throw error
  }
}

async function tryOver(
  store: Store,
  page: Page,
  { rule, write }: { rule: PageRule; write: ValueWrite },
): Promise<Revision | undefined | typeof lostRace> {
  const before = await store.get(write.key)
  await whileHeld([before], () => assertAllowed(store, page, { rule, write, before }))
  const of = [unchanged(before), ...(write.condition ? [write.condition] : [])]
  try {
    return await writeValue(store, { ...write, condition: { kind: 'all', of } })
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'condition-failed') throw error
    const now = await store.head(write.key)
    // The value has not changed: the caller's own condition failed.
    if (now?.revision === before?.revision) throw error
    return lostRace
  }
}

/**
 * The rule of a key. From now on, uses of the store throw RulesChanged if another rule applies. If
 * a check in the background has just refused the page, the store is read again, and that throws
 * the reason. Throws as uses of the store.
 */
async function decidingRule(store: Store, page: Page, key: string): Promise<PageRule> {
  const { project } = page.identity ?? (await store.identity())
  if (!project) throw projectNotFound('')
  const rule = ruleFor(project.rules, key)
  page.decideBy({ key, rule })
  return rule
}

/** Throws PageError. */
async function assertAllowed(
  store: Store,
  page: Page,
  { rule, write, before }: { rule: PageRule; write: ValueWrite; before: StoreRecord | undefined },
): Promise<void> {
  if (rule.preset === 'anything') return
  const refusal = refusalOf(rule, {
    key: write.key,
    userId: page.userId(),
    before: await pageValueOf(store, before),
    next: write.text === undefined ? { kind: 'absent' } : pageValueIn(write.text),
  })
  if (refusal) throw ruleRefusal(refusal, rule)
}

function unchanged(before: StoreRecord | undefined): Condition {
  return before ? { kind: 'revision', anyOf: [before.revision] } : { kind: 'absent' }
}
