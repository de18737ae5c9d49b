import { hasRead } from './findings.ts'
import { headAt, headBytes, numberAt, pagedAt, pageFlags, valuePagesOf } from './layout.ts'
import type { TreePage } from './page.ts'
import type { WalkedFile } from './tree-walk.ts'

/** The pages of a value that has pages of its own, as its node names them. */
export interface LongValue {
  readonly page: number
  readonly pages: number
  readonly transaction: number
}

/** Looks at the heads of long values. Their bytes have a checksum of their own. */
export class LongValues {
  readonly #shared: WalkedFile
  readonly #head = Buffer.alloc(headBytes)

  constructor(shared: WalkedFile) {
    this.#shared = shared
  }

  /** The pages of the value of a node; a string is a clause about what is wrong. */
  take(page: TreePage, index: number): LongValue | string {
    const at = page.keyEnd(index)
    const value = {
      page: numberAt(page.bytes, at + pagedAt.page),
      transaction: numberAt(page.bytes, at + pagedAt.transaction),
      pages: numberAt(page.bytes, at + pagedAt.pages),
    }
    const length = page.valueLength(index)
    if (value.pages < valuePagesOf(length)) {
      return `has a value of ${length} bytes in ${value.pages} pages`
    }
    if (value.transaction > page.transaction) return 'has a value that is newer than the page'
    const misplaced = this.#shared.uses.take(value.page, value.pages)
    if (misplaced !== undefined) return `has a value of ${value.pages} pages from ${misplaced}`
    this.#lookAtHead(value)
    return value
  }

  #lookAtHead({ page, pages, transaction }: LongValue): void {
    const { file, findings } = this.#shared
    const head = this.#head
    if (!hasRead(page, findings, () => file.read(page, head))) return
    const isSound =
      numberAt(head, headAt.number) === page &&
      numberAt(head, headAt.transaction) === transaction &&
      head.readUInt16LE(headAt.pad) === 0 &&
      head.readUInt16LE(headAt.flags) === pageFlags.overflow &&
      head.readUInt32LE(headAt.pages) === pages
    if (!isSound) findings.add(page, 'does not begin as the long value that a node names')
  }
}
