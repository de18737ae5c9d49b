/** What the browser keeps for this page, as JSON under names; nothing where it keeps nothing. */
export class Kept {
  readonly #storage: () => Storage

  constructor(storage: () => Storage) {
    this.#storage = storage
  }

  /** Undefined for what is not there, or was written by somebody else. */
  get(name: string): unknown {
    try {
      return JSON.parse(this.#storage().getItem(prefix + name) ?? '')
    } catch {
      // Browsers throw for a page that may keep nothing; what is no JSON is not ours.
      return undefined
    }
  }

  getText(name: string): string | undefined {
    const value = this.get(name)
    return typeof value === 'string' ? value : undefined
  }

  /** Texts by name; what is none is left out. */
  getTexts(name: string): Record<string, string> {
    const entries = Object.entries(Object(this.get(name)))
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    )
  }

  /** Undefined removes it. */
  set(name: string, value: unknown): void {
    try {
      if (value === undefined) this.#storage().removeItem(prefix + name)
      else this.#storage().setItem(prefix + name, JSON.stringify(value))
    } catch {
      // Then it lasts as long as the page: it may keep nothing, or there is no room left.
    }
  }
}

const prefix = 'coatcheck-play '
