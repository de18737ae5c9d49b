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

/** Throws CommandError: the first that is missing or of another kind, by the order of names. */
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

/** One that `assertDeclared` has found to be there. */
export function given(parameters: Parameters, name: string): JsonText {
  const value = parameters.get(name)
  if (value) return value
  throw invalidParameter(status.paramMissing, name)
}

/** The texts in an array, each once; anything else in it is passed over. */
export function textsOf(array: JsonText): readonly string[] {
  const texts: string[] = []
  for (const item of array.items()) if (item.kind === 'string') texts.push(item.string())
  return texts.length > 1 ? [...new Set(texts)] : texts
}

/** The session token. Throws CommandError where it is no unsigned 64-bit integer. */
export function tokenOf(parameters: Parameters): bigint {
  const value = parameters.get('tkn')
  const token = value && parseUint64(value)
  if (token !== undefined) return token
  throw new CommandError(status.sessionTokenInvalid)
}
