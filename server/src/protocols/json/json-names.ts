import { closingQuote } from './json-string.ts'

/** Objects with more members keep a set of names: comparing each with each is too slow. */
const comparedNamesMax = 48

/**
 * The names of the members of all open objects while JSON is scanned. `first` identifies an object:
 * it is the `length` from when that object began.
 */
export class MemberNames {
  /** Pairs: the hash of a name, and where the name begins. */
  readonly #seen: number[] = []
  /** All names so far of objects with many names or with equal hashes, by `first`. */
  #sets: Map<number, Set<string>> | undefined
  /** How much of `#seen` is in use: setting the length of an array is slow. */
  length = 0

  /** Adds the name that begins at `start`. True where its object has it already. */
  add(text: string, start: number, hash: number, first: number): boolean {
    const seen = this.#seen
    const { length } = this
    if (this.#sets?.has(first) || length - first >= 2 * comparedNamesMax) {
      return this.#addToSet(text, start, first)
    }
    for (let at = first; at < length; at += 2) {
      if (seen[at] === hash) return this.#addToSet(text, start, first)
    }
    seen[length] = hash
    seen[length + 1] = start
    this.length = length + 2
    return false
  }

  /** Removes the names of an object that has ended. */
  forget(first: number): void {
    this.length = first
    this.#sets?.delete(first)
  }

  /** Compares the names: different ones may have equal hashes, and an attacker can choose such. */
  #addToSet(text: string, start: number, first: number): boolean {
    this.#sets ??= new Map()
    const set = this.#sets.get(first) ?? this.#setOf(text, first)
    this.#sets.set(first, set)
    const name = nameAt(text, start)
    if (set.has(name)) return true
    set.add(name)
    return false
  }

  #setOf(text: string, first: number): Set<string> {
    const set = new Set<string>()
    for (let at = first; at < this.length; at += 2) set.add(nameAt(text, this.#seen[at + 1] ?? 0))
    return set
  }
}

/** One step of computing the hash of a name. */
export function addToHash(hash: number, unit: number): number {
  return (Math.imul(hash, 31) + unit) | 0
}

export function hashAt(text: string, start: number): number {
  const name = nameAt(text, start)
  let hash = 0
  for (let at = 0; at < name.length; at += 1) hash = addToHash(hash, name.charCodeAt(at))
  return hash
}

function nameAt(text: string, start: number): string {
  return JSON.parse(text.slice(start, closingQuote(text, start) + 1))
}
