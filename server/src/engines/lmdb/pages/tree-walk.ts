import { type Findings, hasRead } from './findings.ts'
import { numberAt } from './layout.ts'
import { type ExpectedPage, TreePage } from './page.ts'
import type { PageFile } from './page-file.ts'
import type { PageUses } from './page-uses.ts'
import type { MapRecord } from './records.ts'

/** What the walks through the trees of one file share. */
export interface WalkedFile {
  readonly file: PageFile
  readonly uses: PageUses
  readonly findings: Findings
}

export interface WalkedTree {
  /** Such as `the entries`. */
  readonly name: string
  readonly record: MapRecord
  /** The newest transaction that may have written its root. */
  readonly newest: number
  readonly order: KeyOrder
  /** Fewer children of a branch are damage. */
  readonly childrenMin: number
  /**
   * Looks at the nodes of a leaf: a clause about what is wrong, and how many pages its long values
   * have.
   */
  leaf(page: TreePage, number: number): LeafReport
}

export interface LeafReport {
  readonly fault: string | undefined
  readonly valuePages: number
}

/**
 * Below 0, 0 or above 0, as `Buffer.compare`, for the parts of `a` and `b` that hold keys. Not a
 * number: one of them is no key.
 */
export type KeyOrder = (a: Buffer, aPart: Part, b: Buffer, bPart: Part) => number

interface Part {
  start: number
  end: number
}

/** A page that a branch names, and which keys it may have: from `low` on, below `high`. */
interface Place {
  readonly page: number
  readonly low: Buffer | undefined
  readonly high: Buffer | undefined
  readonly newest: number
}

/**
 * Goes through the pages of one map, upper levels first, and compares each page with what its
 * parent says, and all of them with the record of the map.
 */
export class TreeWalk {
  readonly #shared: WalkedFile
  readonly #tree: WalkedTree
  readonly #page = new TreePage()
  /** Used for every comparison, instead of a new object for each. */
  readonly #parts: readonly [Part, Part] = [
    { start: 0, end: 0 },
    { start: 0, end: 0 },
  ]
  #counted = { branchPages: 0, leafPages: 0, valuePages: 0, entries: 0 }
  #isWhole = true

  constructor(shared: WalkedFile, tree: WalkedTree) {
    this.#shared = shared
    this.#tree = tree
  }

  /** Yields before each page. */
  *run(): Generator<undefined> {
    const { record, newest } = this.#tree
    if (record.root === undefined) return
    const root = { page: record.root, low: undefined, high: undefined, newest }
    const misplaced = this.#shared.uses.take(root.page)
    if (misplaced !== undefined) this.#report(root.page, `can't be its root: ${misplaced}`)
    else yield* this.#levels(root, record.depth)
    this.#compareCounts()
  }

  /**
   * The lowest branches are read a second time for their leaves: the places of all leaves of a
   * large file would need much memory.
   */
  *#levels(root: Place, depth: number): Generator<undefined> {
    if (depth === 1) return yield* this.#leaf(root)
    let level = [root]
    for (let height = depth; height > 1; height -= 1) {
      const lower: Place[] = []
      const sound: Place[] = []
      for (const place of level) {
        yield
        if (!this.#load(place, 'branch')) continue
        this.#counted.branchPages += 1
        if (!this.#takeChildren(place)) continue
        sound.push(place)
        if (height > 2) lower.push(...this.#children(place))
      }
      level = height > 2 ? lower : sound
    }
    for (const place of level) {
      yield
      if (!this.#load(place, 'branch')) continue
      for (const child of this.#children(place)) yield* this.#leaf(child)
    }
  }

  *#leaf(place: Place): Generator<undefined> {
    yield
    if (!this.#load(place, 'leaf')) return
    const { fault, valuePages } = this.#tree.leaf(this.#page, place.page)
    if (fault !== undefined) this.#report(place.page, fault)
    this.#counted.leafPages += 1
    this.#counted.entries += this.#page.count
    this.#counted.valuePages += valuePages
  }

  /** Reads a page. Returns whether it is sound and has only keys that belong there. */
  #load(place: Place, kind: ExpectedPage['kind']): boolean {
    const { file, findings } = this.#shared
    const page = this.#page
    if (!hasRead(place.page, findings, () => file.read(place.page, page.bytes))) {
      this.#isWhole = false
      return false
    }
    const nodesMin = kind === 'leaf' ? 1 : this.#tree.childrenMin
    const expected = { page: place.page, newest: place.newest, kind, nodesMin }
    const fault = page.faultOf(expected) ?? this.#faultOfKeys(place, kind)
    if (fault !== undefined) this.#report(place.page, fault)
    return fault === undefined
  }

  /** The first key of a branch means nothing. */
  #faultOfKeys({ low, high }: Place, kind: ExpectedPage['kind']): string | undefined {
    const first = kind === 'leaf' ? 0 : 1
    const last = this.#page.count - 1
    for (let index = first + 1; index <= last; index += 1) {
      if (!(this.#compareKeys(index - 1, index) < 0)) {
        return `has keys out of order: those of nodes ${index - 1} and ${index}`
      }
    }
    if (first > last) return undefined
    if (low && !(this.#compareWith(low, first) <= 0)) return 'has a key below what its parent says'
    if (high && !(this.#compareWith(high, last) > 0)) return 'has a key above what its parent says'
    return undefined
  }

  #takeChildren({ page }: Place): boolean {
    for (let index = 0; index < this.#page.count; index += 1) {
      const misplaced = this.#shared.uses.take(this.#page.child(index))
      if (misplaced === undefined) continue
      this.#report(page, `names ${misplaced}`)
      return false
    }
    return true
  }

  #children(place: Place): Place[] {
    const newest = this.#page.transaction
    const { count } = this.#page
    const keys = Array.from({ length: count }, (_, index) => {
      return index === 0 ? place.low : Buffer.from(this.#page.key(index))
    })
    return keys.map((low, index) => {
      const high = index + 1 < count ? keys[index + 1] : place.high
      return { page: this.#page.child(index), low, high, newest }
    })
  }

  #compareCounts(): void {
    if (!this.#isWhole) return
    const { record } = this.#tree
    for (const { what, noun } of counts) {
      if (record[what] === this.#counted[what]) continue
      const claim = `${record[what]} ${noun}, but has ${this.#counted[what]}`
      this.#report(record.root ?? 0, `is the root of a map that counts ${claim}`)
      return
    }
  }

  #compareKeys(one: number, other: number): number {
    const { bytes } = this.#page
    const [a, b] = this.#parts
    this.#place(a, one)
    this.#place(b, other)
    return this.#tree.order(bytes, a, bytes, b)
  }

  #compareWith(key: Buffer, index: number): number {
    const [a, b] = this.#parts
    a.start = 0
    a.end = key.length
    this.#place(b, index)
    return this.#tree.order(key, a, this.#page.bytes, b)
  }

  #place(part: Part, index: number): void {
    part.start = this.#page.keyStart(index)
    part.end = this.#page.keyEnd(index)
  }

  #report(page: number, what: string): void {
    this.#isWhole = false
    this.#shared.findings.add(page, `(${this.#tree.name}) ${what}`)
  }
}

const counts = [
  { what: 'branchPages', noun: 'branches' },
  { what: 'leafPages', noun: 'leaves' },
  { what: 'valuePages', noun: 'pages of long values' },
  { what: 'entries', noun: 'keys' },
] as const

/** The order of all maps but the list of free pages. */
export function byteOrder(a: Buffer, aPart: Part, b: Buffer, bPart: Part): number {
  const aLength = aPart.end - aPart.start
  const bLength = bPart.end - bPart.start
  const length = Math.min(aLength, bLength)
  // Faster than `Buffer.compare` for the lengths that keys have.
  for (let index = 0; index < length; index += 1) {
    const difference = (a[aPart.start + index] ?? 0) - (b[bPart.start + index] ?? 0)
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

/** The keys of the list of free pages are numbers of 8 bytes. */
export function numberOrder(a: Buffer, aPart: Part, b: Buffer, bPart: Part): number {
  const isNumber = aPart.end - aPart.start === 8 && bPart.end - bPart.start === 8
  return isNumber ? numberAt(a, aPart.start) - numberAt(b, bPart.start) : Number.NaN
}
