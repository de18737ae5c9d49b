import stringWidth from 'string-width'

/**
 * What could move the cursor, change colours, break a line or turn the direction of what follows.
 * Joiners alone may stay: emoji and some scripts are spelled with them.
 */
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Text of users, on one line and harmless to a terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, escaped)
}

/** JSON, on one line and harmless to a terminal: it means the same. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unprintable, escaped)
}

/** As many columns of a terminal as that text takes. */
export function widthOf(text: string): number {
  return stringWidth(text)
}

/** As much of a text as fits, with a sign where it goes on. */
export function cutTo(width: number, text: string): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += widthOf(segment)
    if (used > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** As JSON spells it. */
function escaped(char: string): string {
  return (
    shortEscapes[char] ?? Array.from({ length: char.length }, (_, at) => spelled(char, at)).join('')
  )
}

function spelled(char: string, at: number): string {
  return `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`
}
