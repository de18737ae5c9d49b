import { limits } from '../../../core/kernel/limits.ts'

/** What is wrong with the pages of a file: clauses such as `page 7 is damaged: ...`. */
export class Findings {
  readonly #clauses: string[] = []
  #count = 0

  /** The first ones. */
  get clauses(): readonly string[] {
    return this.#clauses
  }

  /** All of them, also those that were too many to keep. */
  get count(): number {
    return this.#count
  }

  add(page: number, what: string): void {
    this.#count += 1
    if (this.#clauses.length < limits.checkProblemsMax) this.#clauses.push(`page ${page} ${what}`)
  }
}

/** Runs `read`; a failure is a finding. Returns whether it succeeded. */
export function hasRead(page: number, findings: Findings, read: () => void): boolean {
  try {
    read()
    return true
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    findings.add(page, `can't be read: ${reason}`)
    return false
  }
}
