import { element } from '../page/element.ts'

const tokens = /"(?:[^"\\]|\\.)*"?|-?\d[\d.eE+-]*|[a-z]+|[,:[{]|[^"\d\-a-z,:[{]+|./gsu

/**
 * JSON text as elements that show every character of it. Blanks that one could overlook are
 * marked, and characters that one can't see are shown as escapes. Lines break between tokens.
 */
export function exactJson(json: string): readonly Node[] {
  return (json.match(tokens) ?? []).flatMap((token) => nodesOf(token))
}

/** A key or a value within a sentence. */
export function exactCode(json: string, lengthMax = sentenceLengthMax): HTMLElement {
  return element('code', { class: 'exact' }, ...exactJson(cut(json, lengthMax)))
}

const sentenceLengthMax = 60

/** The beginning of a longer text. */
export function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text
  return `${text.slice(0, lengthMax).replace(/[\ud800-\udbff]$/, '')}…`
}

function nodesOf(token: string): readonly Node[] {
  if (token.startsWith('"')) return [element('span', { class: 'string' }, ...stringNodes(token))]
  if (/^-?\d/.test(token)) return [element('span', { class: 'number' }, token)]
  if (/^[a-z]/.test(token)) return [element('span', { class: 'keyword' }, token)]
  const text = document.createTextNode(token)
  return /^[,:[{]$/.test(token) ? [text, element('wbr', {})] : [text]
}

/** Marks blanks at the ends of a string, and where there are several of them. */
function stringNodes(string: string): readonly (Node | string)[] {
  const parts = withEscapes(string).split(/( +)/)
  return parts.map((part, index) => {
    const isBlank = index % 2 === 1
    const isAtEnd = parts[index - 1] === '"' || parts[index + 1] === '"'
    return isBlank && (isAtEnd || part.length > 1)
      ? element('span', { class: 'blank' }, part)
      : part
  })
}

/** Characters that have no shape of their own, but for the plain blank. */
const unseen = /[\p{Cf}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}]/gu

function withEscapes(string: string): string {
  return string.replace(unseen, (found, at: number) => {
    if (found === ' ' || shapesNeighbours(found, string.slice(0, at))) return found
    return found.split('').map(escapeOf).join('')
  })
}

function escapeOf(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Joiners and selectors within emoji, and in scripts whose letters they join. */
function shapesNeighbours(found: string, before: string): boolean {
  if (/[\u{e0020}-\u{e007f}]/u.test(found)) return /\u{1f3f4}[\u{e0020}-\u{e007e}]*$/u.test(before)
  if (/[\ufe0e\ufe0f]/.test(found)) return /[\p{Emoji}\p{So}\p{Sm}]$/u.test(before)
  if (!/[\u200c\u200d]/.test(found)) return false
  return /(\p{Emoji}[\ufe0f\p{Emoji_Modifier}]*|[\p{Script=Arabic}\p{M}])$/u.test(before)
}
