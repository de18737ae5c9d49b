import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { isEqualJson, parseExactJson } from '../../../core/values/exact-json.ts'
import type { JsonText } from '../json-text.ts'
import { PatchedJson, type Pointer, patchFailed } from './patched-json.ts'

/** One operation of a JSON Patch (RFC 6902). Paths are JSON Pointers, split and decoded. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: Pointer; readonly value: JsonText }
  | { readonly op: 'remove'; readonly path: Pointer }
  | { readonly op: 'move' | 'copy'; readonly path: Pointer; readonly from: Pointer }

/** Throws StorageError `update-invalid`, `too-many`. */
export function readOperations(json: JsonText): readonly PatchOperation[] {
  if (json.kind !== 'array') throw invalid('A JSON Patch is an array of operations.')
  if (json.size > limits.patchOperationsMax) {
    const rule = `at most ${limits.patchOperationsMax} operations`
    throw new StorageError('too-many', `A JSON Patch may have ${rule}, this one has ${json.size}.`)
  }
  return json.items().map(readOperation)
}

function readOperation(json: JsonText, index: number): PatchOperation {
  const where = `Operation ${index} of the JSON Patch`
  if (json.kind !== 'object') throw invalid(`${where} is not an object.`)
  const members = json.members()
  const textOf = (name: string): string => {
    const member = members.get(name)
    if (member?.kind === 'string') return member.string()
    throw invalid(`${where} needs a text as its member "${name}".`)
  }
  const pointerOf = (name: string): Pointer => readPointer(textOf(name), `${where}: "${name}"`)
  const requiredValue = (): JsonText => {
    const value = members.get('value')
    if (value) return value
    throw invalid(`${where} needs a member "value".`)
  }
  const op = textOf('op')
  if (op === 'add' || op === 'replace' || op === 'test') {
    return { op, path: pointerOf('path'), value: requiredValue() }
  }
  if (op === 'remove') return { op, path: pointerOf('path') }
  if (op === 'move' || op === 'copy')
    return { op, path: pointerOf('path'), from: pointerOf('from') }
  throw invalid(`${where}: "op" is one of add, remove, replace, move, copy, test.`)
}

/** RFC 6901. */
function readPointer(text: string, where: string): Pointer {
  if (text === '') return []
  const isSound = text.startsWith('/') && !/~(?![01])/.test(text)
  if (!isSound) throw invalid(`${where} is not a JSON Pointer, such as /members/0.`)
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/**
 * The value after all operations, as JSON text. Throws StorageError `patch-failed` if one of them
 * does not fit the value, `value-too-large`, `too-many`.
 */
export function applyPatch(target: JsonText, operations: readonly PatchOperation[]): string {
  const json = new PatchedJson(target)
  for (const [index, operation] of operations.entries()) apply(json, operation, index)
  return json.print()
}

function apply(json: PatchedJson, operation: PatchOperation, index: number): void {
  const where = `Operation ${index} (${operation.op}) of the JSON Patch`
  switch (operation.op) {
    case 'add':
      json.add(operation.path, operation.value, where)
      break
    case 'replace':
      json.replace(operation.path, operation.value, where)
      break
    case 'remove':
      json.remove(operation.path, where)
      break
    case 'copy':
      json.add(operation.path, json.copyOf(operation.from, where), where)
      break
    case 'move':
      move(json, operation, where)
      break
    case 'test':
      assertEqual(json.textOf(operation.path, where), operation.value.text, where)
  }
}

function assertEqual(found: string, wanted: string, where: string): void {
  if (found === wanted || isEqualJson(parseExactJson(found), parseExactJson(wanted))) return
  throw patchFailed(`${where}: another value is there.`)
}

function move(
  json: PatchedJson,
  { from, path }: { from: Pointer; path: Pointer },
  where: string,
): void {
  const isInside = path.length > from.length && from.every((part, index) => part === path[index])
  if (isInside) throw patchFailed(`${where}: a value can't be moved into itself.`)
  json.add(path, json.remove(from, where), where)
}

function invalid(message: string): StorageError {
  return new StorageError('update-invalid', message)
}
