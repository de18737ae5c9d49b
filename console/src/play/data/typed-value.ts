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
  const decimal = /^([+-]?)0*(\d*)(?:\.(\d*))?(e[+-]?\d+)?$/i.exec(text)
  if (!decimal || !/^[+-]?\.?\d/.test(text)) return undefined
  // As text: a number would lose digits.
  const [, sign, whole, fraction, exponent = ''] = decimal
  const behind = fraction ? `.${fraction}` : ''
  return `${sign === '-' ? '-' : ''}${whole || '0'}${behind}${exponent}`
}

/** Pairs of quotes that people and their keyboards put around a text. */
const quotePairs = `'' "" \`\` ‘’ ’’ ‚‘ ‚’ “” ”” „“ „” «» »« ‹› ›‹ 「」 『』`.split(' ')
const anyQuote = /['"`‘’‚‛“”„‟«»‹›「」『』]/

/** Removes one pair of matching quotes around a text that has no quotes inside. */
function withoutQuotes(text: string): string {
  const inside = text.slice(1, -1)
  const isPair = text.length > 1 && quotePairs.includes(text.charAt(0) + text.slice(-1))
  return isPair && !anyQuote.test(inside) ? inside : text
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
