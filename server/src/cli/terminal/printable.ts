import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const ascii = /^[\x20-\x7e]*$/

/**
 * Characters that could move the cursor, change colours, break a line or change the direction of
 * text. Zero-width joiners and non-joiners may stay: emoji and some scripts need them.
 */
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Makes a text of users one line that is harmless to a terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, escaped)
}

/**
 * JSON on one line that is harmless to a terminal. Characters are escaped; the value is the same.
 */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unprintable, escaped)
}

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
  // Loading it takes a quarter of a short command's time.
  return ascii.test(text) ? text.length : require('string-width').default(text)
}

/** Cuts a text to `width` columns. `…` marks a text that was cut. */
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

/** A character as JSON escapes it. */
function escaped(char: string): string {
  return (
    shortEscapes[char] ?? Array.from({ length: char.length }, (_, at) => spelled(char, at)).join('')
  )
}

function spelled(char: string, at: number): string {
  return `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`
}
