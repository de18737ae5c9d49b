/** What somebody typed as a value. */
export type TypedValue =
  | { readonly kind: 'value'; readonly json: string }
  /** Blank, `undefined` and `null`: a pair has no value then. */
  | { readonly kind: 'nothing' }
  /** `suggestion` is JSON that may have been meant. */
  | { readonly kind: 'mistake'; readonly message: string; readonly suggestion?: string }

/** As App Lab's data view reads it, which takes values as JSON; arrays and objects too. */
export function typedValue(typed: string): TypedValue {
  const text = typed.trim()
  if (['', 'undefined', 'null'].includes(text)) return { kind: 'nothing' }
  if (whyNoJson(text) === undefined) return { kind: 'value', json: text }
  return mistakeOf(text)
}

function mistakeOf(text: string): TypedValue {
  const kind = 'mistake'
  if (/^[[{]/.test(text)) {
    return { kind, message: `There is a mistake in this list or object: ${whyNoJson(text)}.` }
  }
  const other = otherSpelling(text)
  if (other !== undefined) {
    return { kind, message: 'This is not quite how a value is written.', suggestion: other }
  }
  const message =
    'A value is a number, true, false, text in double quotes, a list such as [1, 2], or an object ' +
    'such as {"name": "Ada"}.'
  return { kind, message, suggestion: JSON.stringify(withoutQuotes(text)) }
}

/** `TRUE`, `.5`, `+1`, `01`. */
function otherSpelling(text: string): string | undefined {
  const lower = text.toLowerCase()
  if (lower === 'true' || lower === 'false') return lower
  const isDecimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)
  return isDecimal && Number.isFinite(Number(text)) ? String(Number(text)) : undefined
}

/** Without those of other kinds: 'text', “text”, and one at one end alone. */
function withoutQuotes(text: string): string {
  return text.replace(/^['"`‘’“”„]/, '').replace(/['"`‘’“”]$/, '')
}

/** As the browser says it, without where; undefined where it is JSON. */
function whyNoJson(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return message.replace(/ (in JSON )?at position.*$|^JSON\.parse: /s, '')
  }
}
