import { RequestError } from './errors.ts'

/** The members of a request's JSON object, each read by its name and type. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>

  /** Throws RequestError `invalid-value` for a member that is not among `known`. */
  constructor(fields: Readonly<Record<string, unknown>>, known: readonly string[]) {
    const unknown = Object.keys(fields).find((name) => !known.includes(name))
    // A misspelled name would silently change nothing.
    if (unknown !== undefined)
      throw invalidField(`there is no field ${unknown.slice(0, 100)}, only ${known.join(', ')}`)
    this.#fields = fields
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined
  }

  isNull(name: string): boolean {
    return this.#fields[name] === null
  }

  /** Undefined if it is absent or null. Throws RequestError, as do the methods below. */
  text(name: string): string | undefined {
    const value = this.#fields[name] ?? undefined
    if (value === undefined || typeof value === 'string') return value
    throw invalidField(`${name} must be a string`)
  }

  requiredText(name: string): string {
    const text = this.text(name)
    if (text !== undefined) return text
    throw invalidField(`${name} is required`)
  }

  flag(name: string): boolean | undefined {
    const value = this.#fields[name]
    if (value === undefined || typeof value === 'boolean') return value
    throw invalidField(`${name} must be true or false`)
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.text(name)
    const found = allowed.find((one) => one === text)
    if (text === undefined || found !== undefined) return found
    throw invalidField(`${name} must be one of ${allowed.join(', ')}`)
  }

  /** A positive number. Fractions are allowed. */
  amount(name: string): number | undefined {
    const value = this.#fields[name] ?? undefined
    if (value === undefined) return undefined
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value
    throw invalidField(`${name} must be a number above 0`)
  }

  /** A whole number from 1 to `max`. */
  countUpTo(max: number, name: string): number | undefined {
    const value = this.#fields[name]
    if (value === undefined) return undefined
    const isCount = typeof value === 'number' && Number.isInteger(value)
    if (isCount && value >= 1 && value <= max) return value
    throw invalidField(`${name} must be a whole number from 1 to ${max}`)
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.#fields[name]
    if (value === undefined) return undefined
    const texts = Array.isArray(value) ? value : [undefined]
    if (texts.every((one) => typeof one === 'string')) return texts
    throw invalidField(`${name} must be a list of strings`)
  }

  /** A list. Its items are not checked. */
  list(name: string): readonly unknown[] | undefined {
    const value = this.#fields[name]
    if (value === undefined || Array.isArray(value)) return value
    throw invalidField(`${name} must be a list`)
  }

  /** An object. Its members are not checked. */
  object(name: string): ReadonlyMap<string, unknown> | undefined {
    const value = this.#fields[name]
    if (value === undefined) return undefined
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new Map(Object.entries(value))
    }
    throw invalidField(`${name} must be an object`)
  }
}

/** Creates the error; the caller throws it. */
export function invalidField(what: string): RequestError {
  return new RequestError({ status: 400, type: 'invalid-value' }, `Invalid value provided: ${what}`)
}
