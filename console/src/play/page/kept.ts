/**
 * What the browser keeps for this page: values as JSON, by name. What the browser refuses to keep
 * lasts as long as the page.
 */
export class Kept {
  readonly #storage: () => Storage
  /** What the browser refuses to keep, as JSON; undefined: what it refuses to remove. */
  readonly #refused = new Map<string, string | undefined>()

  constructor(storage: () => Storage) {
    this.#storage = storage
  }

  /** Undefined for a missing value, and for one that other code wrote. */
  get(name: string): unknown {
    try {
      const isRefused = this.#refused.has(name)
      const json = isRefused ? this.#refused.get(name) : this.#storage().getItem(prefix + name)
      return JSON.parse(json ?? '')
    } catch {
      // Browsers throw if the page may keep nothing. A value that is not JSON is not ours.
      return undefined
    }
  }

  getText(name: string): string | undefined {
    const value = this.get(name)
    return typeof value === 'string' ? value : undefined
  }

  /** Texts by name; other values are left out. */
  getTexts(name: string): Record<string, string> {
    const entries = Object.entries(Object(this.get(name)))
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    )
  }

  /** Undefined removes it. Returns false if the browser does not keep it. */
  set(name: string, value: unknown): boolean {
    const json = value === undefined ? undefined : JSON.stringify(value)
    try {
      if (json === undefined) this.#storage().removeItem(prefix + name)
      else this.#storage().setItem(prefix + name, json)
      this.#refused.delete(name)
      return true
    } catch {
      // The page may keep nothing, or there is no room left.
      this.#refused.set(name, json)
      return false
    }
  }

  /** Calls the listener when another tab has changed the value, until the signal is aborted. */
  listen(name: string, listener: () => void, signal: AbortSignal): void {
    const hear = ({ key }: StorageEvent): void => {
      if (key === prefix + name) listener()
    }
    addEventListener('storage', hear, { signal })
  }
}

/** What is kept for all tabs of the browser, and for this tab alone. */
export interface Keeps {
  readonly browser: Kept
  readonly tab: Kept
}

const prefix = 'coatcheck-play '
