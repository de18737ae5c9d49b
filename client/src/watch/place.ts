import type { Change } from './change.ts'

/**
 * Where a watcher is in the stream of changes. One commit may change many records, which then have
 * one revision: if the connection breaks among them, the whole commit is asked for again, and those
 * that came already are left out.
 */
export class Place {
  /** The last revision of which everything has come; undefined before the stream began. */
  #after: number | undefined
  /** The revision of the last change. */
  #current = 0
  /** What came of that revision. */
  readonly #seen = new Set<string>()
  #isReady = false
  /** Signs of life without a change, since the last change. */
  #quiet = 0

  constructor(after: number | undefined) {
    this.#after = after
    this.#current = after ?? 0
  }

  /** What to ask for after a break. */
  get after(): number | undefined {
    return this.#after
  }

  /** Whether the change is news; remembers it. Never true for one that goes back. */
  accept(change: Change): boolean {
    this.#quiet = 0
    if (change.kind === 'ready') return this.#begin(change.revision)
    if (change.kind === 'reset') {
      this.#moveTo(change.revision)
      return true
    }
    const { revision } = change
    if (revision < this.#current || revision <= (this.#after ?? -1)) return false
    if (revision > this.#current) {
      // Commits come one after the other, so the one before has come as a whole.
      this.#after = Math.max(this.#current, this.#after ?? 0)
      this.#current = revision
      this.#seen.clear()
    }
    const name = `${change.kind} ${'key' in change ? change.key : ''}`
    if (this.#seen.has(name)) return false
    this.#seen.add(name)
    return true
  }

  /**
   * The server lives and has nothing to send. After a second such sign, the commit of the last
   * change has come as a whole.
   */
  rest(): void {
    this.#quiet += 1
    if (this.#quiet >= 2 && this.#isReady) this.#moveTo(this.#current)
  }

  /** Only the first one is news: later ones repeat what was asked for. */
  #begin(revision: number): boolean {
    if (this.#isReady) return false
    this.#isReady = true
    this.#moveTo(revision)
    return true
  }

  #moveTo(revision: number): void {
    this.#after = revision
    this.#current = revision
    this.#seen.clear()
  }
}
