import { kindOf } from './data/kind-of.ts'
import { type RecordValue, textIn } from './data/record-value.ts'
import type { ValueNow } from './data/use-value.ts'

const textKinds: readonly string[] = ['json', 'text', 'csv', 'markdown']

/** Why a value can't be edited here; undefined: it can. */
export function whyNoEdit({ value, error, isLoading }: ValueNow): string | undefined {
  if (isLoading) return 'The value is not here yet.'
  if (error !== undefined || !value) return 'The value could not be read.'
  return value.isWhole ? whyNoText(value) : 'Values above 5 MB are not edited here.'
}

function whyNoText(value: RecordValue): string | undefined {
  const charset = /;\s*charset="?([\w:.-]+)/i.exec(value.contentType)?.[1] ?? 'utf-8'
  if (!/^utf-?8$/i.test(charset)) return `Text in ${charset} is not edited here.`
  const isText = textKinds.includes(kindOf(value.contentType)) && textIn(value) !== undefined
  return isText ? undefined : 'Only text and JSON are edited here.'
}
