import { type JsonText, parseUint64 } from '../../json/json-text.ts'
import { status } from './status.ts'
import { CommandError, invalidParameter } from './wire.ts'

/** The members of a command. */
export type Parameters = ReadonlyMap<string, JsonText>

export type Kind = JsonText['kind'] | 'bool' | 'any'

/** A parameter that a command declares. */
export interface Declared {
  readonly name: string
  readonly kind: Kind
  readonly isRequired: boolean
}

export const required = (name: string, kind: Kind): Declared => ({ name, kind, isRequired: true })
export const optional = (name: string, kind: Kind): Declared => ({ name, kind, isRequired: false })

/**
 * Throws CommandError for the first declared parameter that is missing or of a wrong kind. Declare
 * them in the order of their names: NemesisDB 0.4 checks them in that order.
 */
export function assertDeclared(parameters: Parameters, declared: readonly Declared[]): void {
  for (const { name, kind, isRequired } of declared) {
    const value = parameters.get(name)
    if (!value && isRequired) throw invalidParameter(status.paramMissing, name)
    if (value && !isOfKind(value, kind)) throw invalidParameter(status.valueTypeInvalid, name)
  }
}

function isOfKind({ kind }: JsonText, wanted: Kind): boolean {
  if (wanted === 'any') return true
  return wanted === 'bool' ? kind === 'true' || kind === 'false' : kind === wanted
}

/** A parameter that `assertDeclared` has found. Throws CommandError if it is missing. */
export function given(parameters: Parameters, name: string): JsonText {
  const value = parameters.get(name)
  if (value) return value
  throw invalidParameter(status.paramMissing, name)
}

/** The strings in an array, without duplicates. Other items are ignored. */
export function textsOf(array: JsonText): readonly string[] {
  const texts = allTextsOf(array)
  return texts.length > 1 ? [...new Set(texts)] : texts
}

/** The strings in an array, in order. Other items are ignored. */
export function allTextsOf(array: JsonText): readonly string[] {
  const texts: string[] = []
  for (const item of array.items()) if (item.kind === 'string') texts.push(item.string())
  return texts
}

/**
 * A key as NemesisDB reads it where it does not ask for a string: the text of any value. Numbers
 * are written as its JSON library prints them.
 */
export function keyTextOf(item: JsonText): string {
  if (item.kind === 'string') return item.string()
  return item.kind === 'number' ? printedNumber(item.text) : item.text
}

function printedNumber(text: string): string {
  if (/^-?\d+$/.test(text)) return text === '-0' ? '0' : text
  const [digits = '', power] = String(Number(text)).split('e')
  if (power === undefined) return digits.includes('.') ? digits : `${digits}.0`
  return `${digits}e${power[0]}${power.slice(1).padStart(2, '0')}`
}

/** The session token. Throws CommandError if it is not an unsigned 64-bit integer. */
export function tokenOf(parameters: Parameters): bigint {
  const value = parameters.get('tkn')
  const token = value && parseUint64(value)
  if (token !== undefined) return token
  throw new CommandError(status.sessionTokenInvalid)
}
