/** The members of a JSON object by name, each as JSON text. */
export type Members = ReadonlyMap<string, string>

/**
 * Cuts the text of a JSON object into those of its members, in their order. So tokens and values
 * keep every digit, and names such as `10` or `__proto__` keep their place. In values it looks only
 * for their ends. Throws SyntaxError.
 */
export function membersOf(json: string): Members {
  const members = new Map<string, string>()
  let at = afterSpace(json, passed(json, afterSpace(json, 0), '{'))
  if (json[at] === '}') return members
  for (;;) {
    const nameEnd = endOfString(json, at)
    const name: string = JSON.parse(json.slice(at, nameEnd))
    const start = afterSpace(json, passed(json, afterSpace(json, nameEnd), ':'))
    const end = endOfValue(json, start)
    members.set(name, json.slice(start, end))
    at = afterSpace(json, end)
    if (json[at] === '}') return members
    at = afterSpace(json, passed(json, at, ','))
  }
}

function passed(json: string, at: number, wanted: string): number {
  if (json[at] !== wanted) throw new SyntaxError(`No ${wanted} at ${at} of a JSON object`)
  return at + 1
}

function afterSpace(json: string, start: number): number {
  let at = start
  while (json.charCodeAt(at) <= 0x20) at += 1
  return at
}

function endOfValue(json: string, start: number): number {
  const first = json[start]
  if (first === '"') return endOfString(json, start)
  if (first === '{' || first === '[') return endOfNested(json, start)
  const scalar = /[^\s,\]}]+/y
  scalar.lastIndex = start
  if (scalar.test(json)) return scalar.lastIndex
  throw new SyntaxError(`No value at ${start} of a JSON object`)
}

function endOfNested(json: string, start: number): number {
  const marks = /["[\]{}]/g
  marks.lastIndex = start
  let depth = 0
  for (let found = marks.exec(json); found; found = marks.exec(json)) {
    if (found[0] === '"') marks.lastIndex = endOfString(json, found.index)
    else depth += found[0] === '{' || found[0] === '[' ? 1 : -1
    if (depth === 0) return marks.lastIndex
  }
  throw new SyntaxError('A JSON array or object has no end')
}

/** The position after the closing quote of the string that begins at `start`. */
export function endOfString(json: string, start: number): number {
  passed(json, start, '"')
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let backslashes = 0
    while (json[end - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return end + 1
  }
  throw new SyntaxError('A JSON string has no end')
}
