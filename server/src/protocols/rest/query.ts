import { limits } from '../../core/kernel/limits.ts'
import { RequestError } from './errors.ts'

/** The parameters of a request's query, as Apify's clients spell them. */
export class Query {
  /** Undefined: there are none, as in most requests. */
  readonly #parameters: URLSearchParams | undefined

  constructor(query: string) {
    this.#parameters = query === '' ? undefined : new URLSearchParams(query)
  }

  /** Undefined if the parameter is absent or empty. */
  text(name: string): string | undefined {
    return this.#parameters?.get(name) || undefined
  }

  /** Undefined only if the parameter is absent. */
  given(name: string): string | undefined {
    return this.#parameters?.get(name) ?? undefined
  }

  /** All values of a parameter that may be given several times. */
  all(name: string): readonly string[] {
    return this.#parameters?.getAll(name) ?? []
  }

  /** `true` and `1` are true, everything else is false. */
  flag(name: string): boolean {
    const text = this.#parameters?.get(name)?.toLowerCase()
    return text === 'true' || text === '1'
  }

  /** A whole number, 0 or more. Throws RequestError `invalid-value`. */
  count(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const count = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count
    throw new RequestError(
      { status: 400, type: 'invalid-value' },
      `Invalid value provided: ${name} must be a whole number, 0 or more`,
    )
  }

  /** How many items a page has: `0` counts as not given, more than 1,000 as 1,000. */
  limit(): number {
    return Math.min(this.count('limit') || limits.pageItemsMax, limits.pageItemsMax)
  }

  /** One of `allowed`. Throws RequestError `param-not-one-of`. */
  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const found = allowed.find((one) => one === text)
    if (found !== undefined) return found
    throw new RequestError(
      { status: 400, type: 'param-not-one-of' },
      `Invalid value provided: ${name} must be one of ${allowed.join(', ')}`,
    )
  }
}
