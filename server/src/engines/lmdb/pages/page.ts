import { pageBytes } from '../room/tree.ts'
import {
  bodyBytes,
  headAt,
  headBytes,
  keyLengthMax,
  nodeAt,
  nodeBytesMax,
  nodeFlags,
  nodeHeadBytes,
  numberAt,
  pagedAt,
  pageFlags,
} from './layout.ts'

export interface ExpectedPage {
  readonly page: number
  readonly kind: 'branch' | 'leaf'
  /** The newest transaction that may have written it. */
  readonly newest: number
  readonly nodesMin: number
}

/** One page of a tree with its nodes. It is read into the same bytes again and again. */
export class TreePage {
  readonly bytes = Buffer.alloc(pageBytes)
  /** The same bytes. All fields of heads and nodes stand at even places. */
  readonly #words = new Uint16Array(this.bytes.buffer, this.bytes.byteOffset, pageBytes / 2)
  /** The size of the node that begins at each even place of the body. */
  readonly #sizes = new Uint16Array(bodyBytes / 2)
  #isLeaf = false

  /** How many nodes it has. */
  get count(): number {
    return this.#word(headAt.lower) >> 1
  }

  /** The transaction that wrote it. */
  get transaction(): number {
    return numberAt(this.bytes, headAt.transaction)
  }

  /**
   * What is wrong with the head of the page and its nodes, as a clause; undefined: nothing. The
   * other methods are for pages that were found sound.
   */
  faultOf({ page, kind, newest, nodesMin }: ExpectedPage): string | undefined {
    const number = numberAt(this.bytes, headAt.number)
    if (number !== page) return `has the number ${number} in its head`
    const flags = this.#word(headAt.flags)
    if (flags !== pageFlags[kind]) return `has the flags ${flags} instead of those of a ${kind}`
    if (this.#word(headAt.pad) !== 0) return 'has a wrong head'
    const { transaction } = this
    if (transaction < 1 || transaction > newest) {
      return `was written by transaction ${transaction}, but at most ${newest} is possible`
    }
    this.#isLeaf = kind === 'leaf'
    const [lower, upper] = [this.#word(headAt.lower), this.#word(headAt.upper)]
    const isOrdered = lower <= upper && upper <= bodyBytes && lower % 2 === 0 && upper % 2 === 0
    if (!isOrdered) return `has its nodes from ${upper} on and their list up to ${lower}`
    if (this.count < nodesMin) return `has ${this.count} nodes`
    return this.#faultOfNodes(upper)
  }

  keyStart(index: number): number {
    return this.#start(index) + nodeHeadBytes
  }

  keyEnd(index: number): number {
    return this.keyStart(index) + this.keyLength(index)
  }

  keyLength(index: number): number {
    return this.#word(this.#start(index) + nodeAt.keyLength)
  }

  key(index: number): Buffer {
    return this.bytes.subarray(this.keyStart(index), this.keyEnd(index))
  }

  flags(index: number): number {
    return this.#word(this.#start(index) + nodeAt.flags)
  }

  /** The length of the value, wherever it is. */
  valueLength(index: number): number {
    return this.#size(this.#start(index))
  }

  /** The page that a node of a branch names. */
  child(index: number): number {
    return this.flags(index) * 2 ** 32 + this.#size(this.#start(index))
  }

  /**
   * LMDB leaves no gap between nodes: they fill the body from `upper` to its end, in any order.
   */
  #faultOfNodes(upper: number): string | undefined {
    const { count } = this
    this.#sizes.fill(0)
    for (let index = 0; index < count; index += 1) {
      const place = this.#start(index) - headBytes
      if (place < upper || place % 2 !== 0 || place + nodeHeadBytes > bodyBytes) {
        return `has node ${index} at ${place}, outside of its nodes`
      }
      const size = this.#sizeOf(index)
      if (size === 0) return `has a wrong node ${index}`
      if (place + size > bodyBytes) return `has node ${index} reach beyond the end of the page`
      this.#sizes[place / 2] = size
    }
    let found = 0
    for (let place = upper; place < bodyBytes; found += 1) {
      const size = this.#sizes[place / 2] ?? 0
      if (size === 0) return `has no node at ${place}, where one should begin`
      place += size
    }
    return found === count ? undefined : `has ${count} nodes, of which ${found} do not overlap`
  }

  /** The bytes that a node takes up; 0: it has impossible flags or lengths. */
  #sizeOf(index: number): number {
    const keyLength = this.keyLength(index)
    if (keyLength > keyLengthMax) return 0
    if (!this.#isLeaf) {
      // LMDB does not need the first key of a branch, and may leave it out.
      return keyLength === 0 && index > 0 ? 0 : evened(nodeHeadBytes + keyLength)
    }
    const flags = this.flags(index)
    if (keyLength === 0 || flags > nodeFlags.map) return 0
    const length = flags === nodeFlags.paged ? pagedAt.end : this.valueLength(index)
    const size = nodeHeadBytes + keyLength + length
    return size <= nodeBytesMax ? evened(size) : 0
  }

  #start(index: number): number {
    return headBytes + this.#word(headBytes + index * 2)
  }

  #size(start: number): number {
    return this.#word(start + 2) * 65_536 + this.#word(start)
  }

  /** 0 behind the end of the page. */
  #word(at: number): number {
    return this.#words[at >> 1] ?? 0
  }
}

function evened(size: number): number {
  return size + (size % 2)
}
