import { pageConsole } from '../page/page-console.ts'

const types = {
  string: (value: unknown): boolean => typeof value === 'string',
  // Arrays and objects are values too: App Lab's own page about setKeyValue says so.
  'string, number, boolean, undefined or null': (value: unknown): boolean =>
    ['string', 'number', 'boolean', 'undefined', 'object'].includes(typeof value),
  number: (value: unknown): boolean => Number.isFinite(value),
  function: (value: unknown): boolean => typeof value === 'function',
}

/** An argument, and the type that App Lab expects. */
export interface Argument {
  readonly name: string
  readonly value: unknown
  readonly type: keyof typeof types
  /** Whether it may be undefined; null is still wrong then. */
  readonly isOptional?: boolean
}

export function keyArgument(value: unknown): Argument {
  return { name: 'key', value, type: 'string' }
}

export function valueArgument(value: unknown): Argument {
  return { name: 'value', value, type: 'string, number, boolean, undefined or null' }
}

export function numberArgument(name: string, value: unknown): Argument {
  return { name, value, type: 'number' }
}

export function functionArgument(name: string, value: unknown, isOptional: boolean): Argument {
  return { name, value, type: 'function', isOptional }
}

/**
 * Warns in the console of arguments with a type that App Lab does not expect. The call goes on all
 * the same.
 */
export function warnOfArguments(
  called: string,
  line: number | undefined,
  args: readonly Argument[],
): void {
  for (const warning of argumentWarnings(called, args)) pageConsole.warn(warning, line)
}

/**
 * Warns of a number that JSON can't express: it is stored as null, which deletes the key. Programs
 * get one by counting with a variable that has no value yet.
 */
export function warnOfNoNumber(
  called: string,
  line: number | undefined,
  { key, value }: { readonly key: unknown; readonly value: unknown },
): void {
  if (typeof value !== 'number' || Number.isFinite(value)) return
  const deleted = `so the key ${JSON.stringify(String(key))} is deleted`
  const hint = Number.isNaN(value) ? ' Did you count with a value that was undefined?' : ''
  pageConsole.warn(`${called}() can't store ${value}, ${deleted}.${hint}`, line)
}

export function argumentWarnings(called: string, args: readonly Argument[]): readonly string[] {
  return args.filter(isWrong).map(({ name, value, type }) => {
    return `${called}() ${name} parameter value (${shown(value)}) is not a ${type}.`
  })
}

function isWrong({ value, type, isOptional = false }: Argument): boolean {
  return !types[type](value) && !(isOptional && value === undefined)
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'function'
  // An object without `toString` can't be converted to a string.
  const isBare = typeof value === 'object' && value !== null && !('toString' in value)
  return isBare ? '[object Object]' : String(value)
}
