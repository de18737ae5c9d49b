import { type KeptItems, keptLength, keptLengthMax } from './program-messages.ts'

/**
 * Replaces localStorage, which the frame of a program may not use. The page around it keeps the
 * texts for the next run. So the page script keeps the id of its user, as in any page.
 */
export class ProgramStorage {
  readonly #items: Map<string, string>
  readonly #onChanged: (items: KeptItems) => void

  constructor(kept: KeptItems, onChanged: (items: KeptItems) => void) {
    this.#items = new Map(Object.entries(kept))
    this.#onChanged = onChanged
  }

  takeOver(): void {
    Object.defineProperty(window, 'localStorage', { value: this, configurable: true })
  }

  get length(): number {
    return this.#items.size
  }

  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null
  }

  getItem(name: string): string | null {
    return this.#items.get(String(name)) ?? null
  }

  /** Throws if there is no room left. */
  setItem(name: string, value: string): void {
    const items = { ...Object.fromEntries(this.#items), [String(name)]: String(value) }
    if (keptLength(items) > keptLengthMax) {
      throw new DOMException('There is no room left.', 'QuotaExceededError')
    }
    this.#items.set(String(name), String(value))
    this.#tell()
  }

  removeItem(name: string): void {
    this.#items.delete(String(name))
    this.#tell()
  }

  clear(): void {
    this.#items.clear()
    this.#tell()
  }

  #tell(): void {
    this.#onChanged(Object.fromEntries(this.#items))
  }
}
