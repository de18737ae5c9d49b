/** What the user typed as a value. */
export type TypedValue =
  | { readonly kind: 'value'; readonly json: string }
  /** Blank, `undefined` and `null`: the pair has no value then. */
  | { readonly kind: 'nothing' }
  /** `suggestion` is JSON that the user may have meant. */
  | { readonly kind: 'mistake'; readonly message: string; readonly suggestion?: string }

/** Reads a typed value as App Lab's data view does, as JSON. Arrays and objects are allowed too. */
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

/** Removes quotes of other kinds: 'text', “text”, and a quote at only one end. */
function withoutQuotes(text: string): string {
  return text.replace(/^['"`‘’“”„]/, '').replace(/['"`‘’“”]$/, '')
}

/** The browser's reason, without the position; undefined if the text is JSON. */
function whyNoJson(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return message.replace(/ (in JSON )?at position.*$|^JSON\.parse: /s, '')
  }
}
