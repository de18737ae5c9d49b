import { appendFileSync } from 'node:fs'
import { known, type Suite } from './known.ts'

/** How much is tried: 1 in a usual run of the tests, more by `npm run torture`. */
export const scale = Number(process.env.COATCHECK_TORTURE_SCALE ?? 1)

/** Counts what one suite tried and found. */
export class Tally {
  readonly #suite: Suite
  readonly #faults: string[] = []

  constructor(suite: Suite) {
    this.#suite = suite
  }

  /** Notes faults, and prints one line of the table. Returns the faults that nobody knew. */
  add(what: string, { tried, faults }: { tried: number; faults: readonly string[] }): string[] {
    const named = faults.map((fault) => `${what}: ${fault}`)
    this.#faults.push(...named)
    const unknown = named.filter((fault) => !this.#isKnown(fault))
    const found = unknown.length
    const line = { suite: this.#suite, what, tried, known: faults.length - found, found }
    const path = process.env.COATCHECK_TORTURE_FIGURES
    if (path) appendFileSync(path, `${JSON.stringify({ ...line, examples: countsOf(named) })}\n`)
    process.stdout.write(
      `torture: ${what}: ${tried} tried, ${line.known} known faults, ${found} others\n`,
    )
    return unknown
  }

  /** Known faults that were not found; in a short run that says nothing. */
  get unseen(): RegExp[] {
    if (scale === 1) return []
    const patterns = known[this.#suite].map(({ pattern }) => pattern)
    return patterns.filter((pattern) => !this.#faults.some((fault) => pattern.test(fault)))
  }

  #isKnown(fault: string): boolean {
    return known[this.#suite].some(({ pattern }) => pattern.test(fault))
  }
}

function countsOf(faults: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const fault of faults) counts[fault] = (counts[fault] ?? 0) + 1
  return counts
}
