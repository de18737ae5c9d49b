/**
 * A queue of lines that take turns, so that a long line does not hold up the others. A line may
 * consist of lines itself: those of a user, for example.
 */
export class FairQueue<Item> {
  readonly #items: Item[] = []
  /** The line that was served longest ago comes first. */
  readonly #lines = new Map<string, FairQueue<Item>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** `path` names the line, from the outermost on; its length must be the same for all items. */
  push(path: readonly string[], item: Item): void {
    this.#size += 1
    const [name, ...inner] = path
    if (name === undefined) {
      this.#items.push(item)
      return
    }
    const line = this.#lines.get(name) ?? new FairQueue<Item>()
    this.#lines.set(name, line)
    line.push(inner, item)
  }

  /** Takes the next item out; undefined: there is none. */
  shift(): Item | undefined {
    if (this.#size === 0) return undefined
    this.#size -= 1
    for (const [name, line] of this.#lines) {
      this.#lines.delete(name)
      const item = line.shift()
      if (line.size > 0) this.#lines.set(name, line)
      return item
    }
    return this.#items.shift()
  }

  /** Takes all items out. */
  clear(): readonly Item[] {
    const all: Item[] = []
    for (let size = this.#size; size > 0; size -= 1) {
      const item = this.shift()
      if (item !== undefined) all.push(item)
    }
    return all
  }
}
