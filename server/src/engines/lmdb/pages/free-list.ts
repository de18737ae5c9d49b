import { pageBytes } from '../room/tree.ts'
import { hasRead } from './findings.ts'
import { headBytes, nodeFlags, numberAt } from './layout.ts'
import { LongValues } from './long-values.ts'
import type { TreePage } from './page.ts'
import type { LeafReport, WalkedFile } from './tree-walk.ts'

const numberBytes = 8

/**
 * The list of free pages. Each key is the number of a transaction; its value is a list of numbers:
 * how many follow, and then pages. A number below 0 says how many pages begin at the page behind
 * it; 0 means nothing.
 */
export class FreeList {
  readonly #shared: WalkedFile
  readonly #values: LongValues

  constructor(shared: WalkedFile) {
    this.#shared = shared
    this.#values = new LongValues(shared)
  }

  /** Looks at one leaf of the list, and marks the pages that it names. */
  leaf(page: TreePage, newest: number): LeafReport {
    let valuePages = 0
    for (let index = 0; index < page.count; index += 1) {
      const key = page.keyLength(index) === numberBytes ? numberAt(page.key(index), 0) : 0
      if (key < 1 || key > newest) return { fault: 'has a wrong transaction', valuePages }
      if (page.flags(index) === nodeFlags.map) return { fault: 'has a map', valuePages }
      const numbers = this.#numbersOf(page, index)
      if (typeof numbers === 'string') return { fault: numbers, valuePages }
      valuePages += numbers.pages
      const fault = this.#takeAll(numbers.bytes)
      if (fault !== undefined) return { fault, valuePages }
    }
    return { fault: undefined, valuePages }
  }

  #numbersOf(page: TreePage, index: number): { bytes: Buffer; pages: number } | string {
    const length = page.valueLength(index)
    if (length < numberBytes || length % numberBytes !== 0) return 'has a list of a wrong length'
    const start = page.keyEnd(index)
    if (page.flags(index) !== nodeFlags.paged) {
      return { bytes: page.bytes.subarray(start, start + length), pages: 0 }
    }
    const value = this.#values.take(page, index)
    if (typeof value === 'string') return value
    const { file, findings } = this.#shared
    const bytes = Buffer.alloc(value.pages * pageBytes)
    const isRead = hasRead(value.page, findings, () => file.read(value.page, bytes))
    const numbers = bytes.subarray(headBytes, headBytes + length)
    return { bytes: isRead ? numbers : numbers.fill(0), pages: value.pages }
  }

  #takeAll(numbers: Buffer): string | undefined {
    const { uses } = this.#shared
    const count = numberAt(numbers, 0)
    if (count > numbers.length / numberBytes - 1) return `has a list of ${count} pages`
    for (let index = 1; index <= count; index += 1) {
      let [page, pages] = [signedAt(numbers, index), 1]
      if (page === 0) continue
      if (page < 0) {
        index += 1
        if (index > count) return 'has a list that ends too early'
        pages = -page
        page = signedAt(numbers, index)
      }
      const misplaced = uses.take(page, pages)
      if (misplaced !== undefined) return `has as free ${misplaced}`
    }
    return undefined
  }
}

function signedAt(numbers: Buffer, index: number): number {
  const at = index * numberBytes
  return numbers.readInt32LE(at + 4) * 2 ** 32 + numbers.readUInt32LE(at)
}
