import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'

const charactersPerUnit = 64

/** The work of one patch, which is bounded. Methods throw StorageError `too-many`. */
export class PatchWork {
  #left: number = limits.patchWorkMax

  /** Counts members or items that are opened, copied or moved. */
  touch(count: number): void {
    this.#left -= count + 1
    if (this.#left >= 0) return
    throw new StorageError('too-many', 'This patch is too much work: send it in parts.')
  }

  /** Counts characters that are compared. */
  compare(length: number): void {
    this.touch(Math.ceil(length / charactersPerUnit))
  }
}
