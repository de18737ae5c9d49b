import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { pageBytes } from '../room/tree.ts'

/** LMDB's file, read without LMDB. All methods throw errors of `node:fs`. */
export class PageFile {
  /** How many whole pages the file has. */
  readonly pages: number
  readonly #file: number
  #readCount = 0

  constructor(path: string) {
    this.#file = openSync(path, 'r')
    try {
      this.pages = Math.floor(fstatSync(this.#file).size / pageBytes)
    } catch (error) {
      closeSync(this.#file)
      throw error
    }
  }

  /** How many pages, or first parts of pages, were read. */
  get readCount(): number {
    return this.#readCount
  }

  /** Fills `into` from the beginning of a page on. */
  read(page: number, into: Buffer): void {
    this.#readCount += Math.ceil(into.length / pageBytes)
    const start = page * pageBytes
    for (let done = 0; done < into.length; ) {
      const count = readSync(this.#file, into, done, into.length - done, start + done)
      if (count === 0) throw new Error(`the file ends at byte ${start + done}`)
      done += count
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}
