import { type PageRule, type PageRuleChange, pagePresets } from '../../../core/pages/project.ts'
import { Fields, invalidField } from '../../rest/fields.ts'

/** The member `rules`, each `{"key" or "prefix", "preset"}`. Throws RequestError. */
export function pageRulesOf(fields: Fields): readonly PageRule[] | undefined {
  return fields.list('rules')?.map((value) => pageRuleOf(fieldsOf(value, 'rules')))
}

/** The member `ruleChanges`, as `rules`; a `preset` of null removes a rule. Throws RequestError. */
export function ruleChangesOf(fields: Fields): readonly PageRuleChange[] | undefined {
  return fields.list('ruleChanges')?.map((value) => {
    const change = fieldsOf(value, 'ruleChanges')
    return change.isNull('preset') ? { ...whereOf(change), preset: null } : pageRuleOf(change)
  })
}

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null) {
    throw invalidField(`${name} must be a list of objects`)
  }
  return new Fields(Object.fromEntries(Object.entries(value)), ['key', 'prefix', 'preset'])
}

function pageRuleOf(fields: Fields): PageRule {
  const preset = fields.oneOf('preset', pagePresets)
  if (preset === undefined) throw invalidField(`preset must be one of ${pagePresets.join(', ')}`)
  return { ...whereOf(fields), preset }
}

function whereOf(fields: Fields): Omit<PageRule, 'preset'> {
  const key = fields.text('key')
  const prefix = fields.text('prefix')
  return { ...(key !== undefined && { key }), ...(prefix !== undefined && { prefix }) }
}
