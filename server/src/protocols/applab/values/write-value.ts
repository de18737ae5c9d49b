import type { Revision } from '../../../core/engine/engine.ts'
import type { NamedRequest } from '../../../core/idempotency/named-request.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { lostRace, retry } from '../../../core/kernel/retry.ts'
import { needsValueBefore, refusalOf, ruleFor } from '../../../core/pages/page-rules.ts'
import { type PageRule, projectNotFound } from '../../../core/pages/project.ts'
import type { Condition, StoreRecord } from '../../../core/records/record.ts'
import type { NewValue, Updated } from '../../../core/records/record-update.ts'
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
  /** The name of the call, so that the page may send it again; undefined: it has none. */
  readonly request: NamedRequest | undefined
}

/**
 * Sets or deletes a value. Returns its revision; undefined: it was deleted. Throws
 * `condition-failed`, and as `Store.put`.
 */
export async function writeValue(
  store: Store,
  { key, text, condition, request }: ValueWrite,
): Promise<Revision | undefined> {
  if (text === undefined) {
    await store.delete(key, condition, request)
    return undefined
  }
  const source = new WholeSource(Buffer.from(text))
  const record = { key, contentType: jsonType, contentEncoding: '', source } as const
  return (await store.put({ ...record, jsonState: 'sound' }, condition, request)).revision
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
  return whileRulesStay(async () => {
    const rule = await decidingRule(store, page, write.key)
    if (needsValueBefore(rule)) return writeOver(store, page, { rule, write })
    await assertAllowed(store, page, { rule, write, before: undefined })
    return writeValue(store, write)
  })
}

/** The value before the write decides, so nobody may change it in between. */
async function writeOver(
  store: Store,
  page: Page,
  { rule, write }: { rule: PageRule; write: ValueWrite },
): Promise<Revision | undefined> {
  const { key, text, condition, request } = write
  const next: NewValue | undefined =
    text === undefined
      ? undefined
      : { contentType: jsonType, bytes: Buffer.from(text), jsonState: 'sound', isChanged: true }
  const compute = async (before: StoreRecord | undefined): Promise<NewValue | undefined> => {
    await assertAllowed(store, page, { rule, write, before })
    return next
  }
  const use = next ? 'write' : 'delete'
  return (await store.update(key, compute, { condition, request, use }))?.revision
}

/** What a page does with a value in one step: see `Store.update`. */
export interface ValueUpdate extends Omit<ValueWrite, 'text'> {
  compute(before: StoreRecord | undefined): Promise<NewValue>
}

/** Updates a value, if the rules for pages allow the new value. Throws as `writeAsPage`. */
export async function updateAsPage(
  store: Store,
  page: Page,
  { key, condition, request, compute }: ValueUpdate,
): Promise<Updated | undefined> {
  return whileRulesStay(async () => {
    const rule = await decidingRule(store, page, key)
    const allowed = async (before: StoreRecord | undefined): Promise<NewValue> => {
      const value = await compute(before)
      const write = { key, text: Buffer.from(value.bytes).toString('utf8') }
      await assertAllowed(store, page, { rule, write, before })
      return value
    }
    return store.update(key, allowed, { condition, request })
  })
}

/** If the rules are changed while `attempt` runs, it runs again. */
function whileRulesStay<T>(attempt: () => Promise<T>): Promise<T> {
  const attempted = async (): Promise<T | typeof lostRace> => {
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof RulesChanged) return lostRace
      throw error
    }
  }
  return retry(limits.writeAttemptsMax, attempted, () => {
    throw new StorageError('store-busy', 'Too many clients are changing this value. Try again.')
  })
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
  {
    rule,
    write,
    before,
  }: {
    rule: PageRule
    write: Pick<ValueWrite, 'key' | 'text'>
    before: StoreRecord | undefined
  },
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
