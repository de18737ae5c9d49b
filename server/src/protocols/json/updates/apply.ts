import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { addNumbers, compareNumbers } from '../../../core/values/numbers.ts'
import { type JsonText, parseJsonText } from '../json-text.ts'
import { JsonTextError } from '../json-text-error.ts'
import { applyPatch } from './json-patch.ts'
import { mergePatch } from './merge-patch.ts'
import { invalidUpdate, type Update } from './update.ts'

/**
 * The value after the update, as JSON text. `before` is JSON text too; undefined: there is no
 * value, which counts as 0, as [] or, for a merge patch, as nothing. Throws StorageError
 * `wrong-value-type`, `number-out-of-range`, `patch-failed`, `record-not-found`, `update-invalid`,
 * `value-too-large` and `too-many`.
 */
export function applyUpdate(update: Update, before: string | undefined): string {
  switch (update.op) {
    case 'increment':
      return sumOf(before === undefined ? '0' : numberOf(before, update.op), update.by)
    case 'max':
    case 'min':
      return before === undefined ? update.value : furthest(update, numberOf(before, update.op))
    case 'append':
      return appended(before === undefined ? undefined : parsed(before), update)
    case 'merge':
      return checked(mergePatch(before === undefined ? undefined : parsed(before), update.patch))
    case 'patch':
      if (before === undefined)
        throw new StorageError('record-not-found', 'There is no such record.')
      return checked(applyPatch(parsed(before), update.operations))
  }
}

function sumOf(number: string, by: string): string {
  const sum = addNumbers(number, by)
  if (sum !== undefined) return sum
  throw new StorageError(
    'number-out-of-range',
    `The sum of ${short(number)} and ${short(by)} is beyond the numbers that JSON readers know.`,
  )
}

function furthest({ op, value }: { op: 'max' | 'min'; value: string }, number: string): string {
  if (!Number.isFinite(Number(value))) {
    throw new StorageError('number-out-of-range', `${short(value)} is beyond all numbers.`)
  }
  const order = compareNumbers(value, number)
  return (op === 'max' ? order > 0 : order < 0) ? value : number
}

function appended(
  list: JsonText | undefined,
  { item, keepLast }: { item: string; keepLast: number | undefined },
): string {
  if (list === undefined) return `[${item}]`
  if (list.kind !== 'array') throw wrongType('append', 'a list', list.kind)
  const { text, size } = list
  const dropped = keepLast === undefined ? 0 : Math.max(0, size + 1 - keepLast)
  if (dropped >= size) return `[${item}]`
  const first = list.item(dropped)
  const kept =
    dropped === 0 || !first ? text.slice(1, -1) : text.slice(first.start - list.start, -1)
  return `[${kept},${item}]`
}

/** The text of a number. */
function numberOf(text: string, op: string): string {
  // Longer texts are never numbers that can be added: they need not be parsed.
  if (text.length > limits.numberLengthMax) throw wrongType(op, 'a number', 'longer value')
  const json = parsed(text)
  if (json.kind === 'number') return json.text
  throw wrongType(op, 'a number', json.kind)
}

function parsed(text: string): JsonText {
  return understood(() => parseJsonText(text))
}

/** A result of a patch may be nested more deeply than the value and the patch. */
function checked(text: string): string {
  return understood(() => parseJsonText(text).text)
}

function understood<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof JsonTextError) throw invalidUpdate(error.message)
    throw error
  }
}

function wrongType(op: string, wanted: string, found: string): StorageError {
  const [a, what] = found === 'null' ? ['', 'null'] : [/^[aeiou]/.test(found) ? 'an ' : 'a ', found]
  return new StorageError(
    'wrong-value-type',
    `"${op}" needs ${wanted}, and the value is ${a}${what}.`,
  )
}

function short(number: string): string {
  return number.length > 40 ? `${number.slice(0, 40)}…` : number
}
