import { type JsonLine, type JsonOutline, tokenAt } from './json-lines.ts'

/** Where the value of a line stands, such as `$.sizes[2].name`. */
export function pathOfLine(outline: JsonOutline, index: number): string {
  const steps: string[] = []
  let at: number | undefined = index
  while (at !== undefined && at > 0) {
    const parent = parentOf(outline.lines, at)
    if (parent === undefined) break
    steps.unshift(stepOf(outline, parent, at))
    at = parent
  }
  return `$${steps.join('')}`
}

/** The lines that must be unfolded to see a line. */
export function parentsOf(lines: readonly JsonLine[], index: number): readonly number[] {
  const parents: number[] = []
  for (let at = parentOf(lines, index); at !== undefined; at = parentOf(lines, at)) parents.push(at)
  return parents
}

function parentOf(lines: readonly JsonLine[], index: number): number | undefined {
  const depth = lines[index]?.depth ?? 0
  for (let at = index - 1; at >= 0; at -= 1) {
    const line = lines[at]
    if (line && line.depth < depth && line.close !== undefined) return at
  }
  return undefined
}

function stepOf(outline: JsonOutline, parent: number, index: number): string {
  const { lines } = outline
  const line = lines[index]
  if (!line) return ''
  if (line.to - line.from > 1 && tokenAt(outline, line.from + 1) === ':') {
    return memberStep(tokenAt(outline, line.from))
  }
  let position = 0
  for (let at = parent + 1; at < index; at += 1) {
    const before = lines[at]
    // The closing bracket of an item stands at its depth too.
    if (before?.depth === line.depth && !isClosing(outline, before)) position += 1
  }
  return `[${position}]`
}

function isClosing(outline: JsonOutline, { from }: JsonLine): boolean {
  const token = tokenAt(outline, from)
  return token === ']' || token === '}'
}

function memberStep(quoted: string): string {
  const name = quoted.slice(1, -1)
  return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${quoted}]`
}
