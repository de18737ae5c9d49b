import { assert } from '../../core/kernel/assert.ts'
import { limits } from '../../core/kernel/limits.ts'
import { type ScannedJson, scanJson } from './json-scan.ts'

// UTF-16 units.
const space = 32
const quote = 34
const comma = 44
const colon = 58
const arrayStart = 91
const smallF = 102
const smallN = 110
const smallT = 116
const objectStart = 123

/** In containers with more children, a single one is found without a list of all. */
const listedMax = 1_000

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null'

/**
 * Parses JSON that `scanJson` accepts: strict, but comments are allowed, and of members with the
 * same name the first one counts. All of the text is checked at once; children are read when they
 * are asked for. Nothing gets lost: numbers keep their spelling and members their order.
 * Throws JsonTextError.
 */
export function parseJsonText(
  text: string,
  { depthMax }: { depthMax: number } = { depthMax: limits.jsonDepthMax },
): JsonText {
  const scanned = scanJson(text, { depthMax })
  return new JsonText(scanned, scanned.start, scanned.end, 0)
}

/** A value within valid JSON. */
export class JsonText {
  readonly #source: ScannedJson
  /** Where it begins in its source text. No other value of that text begins there. */
  readonly start: number
  /** Where it ends in that text. */
  readonly end: number
  /** The index of its end in `ScannedJson.ends`. */
  readonly #place: number
  #members: ReadonlyMap<string, JsonText> | undefined
  #items: readonly JsonText[] | undefined

  /** Use `parseJsonText`. */
  constructor(source: ScannedJson, start: number, end: number, place: number) {
    this.#source = source
    this.start = start
    this.end = end
    this.#place = place
  }

  get kind(): JsonKind {
    const first = this.#source.text.charCodeAt(this.start)
    if (first === objectStart) return 'object'
    if (first === arrayStart) return 'array'
    if (first === quote) return 'string'
    if (first === smallT) return 'true'
    if (first === smallF) return 'false'
    return first === smallN ? 'null' : 'number'
  }

  /** Strict JSON without comments and duplicate members, otherwise as it was sent. */
  get text(): string {
    return this.#source.text.slice(this.start, this.end)
  }

  /** How many members or items it has; 0 if it is neither an object nor an array. */
  get size(): number {
    return this.#isContainer() ? (this.#source.ends[this.#place + 1] ?? 0) : 0
  }

  /** The members of an object by decoded name, in the order of the text. */
  members(): ReadonlyMap<string, JsonText> {
    assert(this.kind === 'object', 'only objects have members')
    this.#members ??= this.#readMembers()
    return this.#members
  }

  /** One member of an object. Takes little memory, however many members there are. */
  member(name: string): JsonText | undefined {
    if (this.#members || this.size <= listedMax) return this.members().get(name)
    return this.#findMember(name)
  }

  /** One item of an array. Takes little memory, however many items there are. */
  item(index: number): JsonText | undefined {
    if (this.#items || this.size <= listedMax) return this.items()[index]
    return this.#findItem(index)
  }

  /** The items of an array. */
  items(): readonly JsonText[] {
    assert(this.kind === 'array', 'only arrays have items')
    this.#items ??= this.#readItems()
    return this.#items
  }

  /** The decoded text of a string. */
  string(): string {
    assert(this.kind === 'string', 'only strings have a decoded text')
    return this.#stringAt(this.start, this.#place)
  }

  #isContainer(): boolean {
    const first = this.#source.text.charCodeAt(this.start)
    return first === objectStart || first === arrayStart
  }

  #readMembers(): ReadonlyMap<string, JsonText> {
    const { text, ends } = this.#source
    const members = new Map<string, JsonText>()
    let place = this.#place + 3
    let at = this.start + 1
    for (let left = this.size; left > 0; left -= 1) {
      const nameStart = partStart(text, at)
      const name = this.#stringAt(nameStart, place)
      const child = this.#childAt(partStart(text, Math.abs(ends[place] ?? 0)), place + 1)
      members.set(name, child)
      place = child.#nextPlace()
      at = child.end
    }
    return members
  }

  #readItems(): readonly JsonText[] {
    const { text } = this.#source
    const items: JsonText[] = []
    let place = this.#place + 3
    let at = this.start + 1
    for (let left = this.size; left > 0; left -= 1) {
      const child = this.#childAt(partStart(text, at), place)
      items.push(child)
      place = child.#nextPlace()
      at = child.end
    }
    return items
  }

  #findMember(name: string): JsonText | undefined {
    assert(this.kind === 'object', 'only objects have members')
    const { text, ends } = this.#source
    let place = this.#place + 3
    let at = this.start + 1
    for (let left = this.size; left > 0; left -= 1) {
      const nameStart = partStart(text, at)
      const child = this.#childAt(partStart(text, Math.abs(ends[place] ?? 0)), place + 1)
      if (this.#stringAt(nameStart, place) === name) return child
      place = child.#nextPlace()
      at = child.end
    }
    return undefined
  }

  #findItem(index: number): JsonText | undefined {
    assert(this.kind === 'array', 'only arrays have items')
    if (index < 0 || index >= this.size) return undefined
    let child = this.#childAt(partStart(this.#source.text, this.start + 1), this.#place + 3)
    for (let left = index; left > 0; left -= 1) {
      child = this.#childAt(partStart(this.#source.text, child.end), child.#nextPlace())
    }
    return child
  }

  #childAt(start: number, place: number): JsonText {
    return new JsonText(this.#source, start, Math.abs(this.#source.ends[place] ?? 0), place)
  }

  #stringAt(start: number, place: number): string {
    const { text, ends } = this.#source
    const end = ends[place] ?? 0
    return end > 0 ? text.slice(start + 1, end - 1) : JSON.parse(text.slice(start, -end))
  }

  #nextPlace(): number {
    return this.#isContainer() ? (this.#source.ends[this.#place + 2] ?? 0) : this.#place + 1
  }
}

const uint64Max = 2n ** 64n - 1n

/**
 * A number that is written as plain digits and fits into 64 bits, otherwise undefined. `-0` is 0:
 * jsoncons, which NemesisDB uses, reads it as an integer.
 */
export function parseUint64(node: JsonText): bigint | undefined {
  if (node.kind !== 'number' || node.end - node.start > 20) return undefined
  const { text } = node
  if (text === '-0') return 0n
  if (!/^\d+$/.test(text)) return undefined
  const value = BigInt(text)
  return value <= uint64Max ? value : undefined
}

/** Skips white space, and a colon or comma within it. */
function partStart(text: string, from: number): number {
  let at = from
  for (;;) {
    const unit = text.charCodeAt(at)
    if (unit > space && unit !== comma && unit !== colon) return at
    at += 1
  }
}
