import { type PageRule, pagePresets } from '../../core/project.ts'
import { Fields, invalidField } from '../rest/fields.ts'

/** The member `rules`, each `{"key" or "prefix", "preset"}`. Throws RequestError. */
export function pageRulesOf(fields: Fields): readonly PageRule[] | undefined {
  return fields.list('rules')?.map(pageRuleOf)
}

function pageRuleOf(value: unknown): PageRule {
  if (typeof value !== 'object' || value === null) {
    throw invalidField('rules must be a list of objects')
  }
  const fields = new Fields(Object.fromEntries(Object.entries(value)), ['key', 'prefix', 'preset'])
  const key = fields.text('key')
  const prefix = fields.text('prefix')
  const preset = fields.oneOf('preset', pagePresets)
  if (preset === undefined) throw invalidField(`preset must be one of ${pagePresets.join(', ')}`)
  return { ...(key !== undefined && { key }), ...(prefix !== undefined && { prefix }), preset }
}
