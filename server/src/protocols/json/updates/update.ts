import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { JsonKind, JsonText } from '../json-text.ts'
import { type PatchOperation, readOperations } from './json-patch.ts'

/**
 * How a value changes by what it is. Numbers are as they are written in JSON. The source of `merge`
 * is RFC 7396, of `patch` RFC 6902; the others are ours.
 */
export type Update =
  | { readonly op: 'increment'; readonly by: string }
  | { readonly op: 'max' | 'min'; readonly value: string }
  | { readonly op: 'append'; readonly item: string; readonly keepLast: number | undefined }
  | { readonly op: 'merge'; readonly patch: JsonText }
  | { readonly op: 'patch'; readonly operations: readonly PatchOperation[] }

/** The update that a JSON object describes, such as `{"op":"increment","by":2}`. */
export function readUpdate(json: JsonText): Update {
  if (json.kind !== 'object')
    throw invalidUpdate('An update is an object, such as {"op":"increment"}.')
  const members = json.members()
  const op = members.get('op')
  const name = op?.kind === 'string' ? op.string() : ''
  const shape = shapes.get(name)
  if (!shape)
    throw invalidUpdate(`The member "op" of an update is one of: ${[...shapes.keys()].join(', ')}.`)
  const unknown = [...members.keys()].find((one) => one !== 'op' && !shape.members.includes(one))
  if (unknown !== undefined) {
    throw invalidUpdate(
      `The update "${name}" has no member ${JSON.stringify(unknown.slice(0, 100))}.`,
    )
  }
  return shape.read(new UpdateMembers(name, members))
}

/** Throws StorageError `update-invalid`. */
class UpdateMembers {
  readonly #name: string
  readonly #members: ReadonlyMap<string, JsonText>

  constructor(name: string, members: ReadonlyMap<string, JsonText>) {
    this.#name = name
    this.#members = members
  }

  required(member: string, kind?: JsonKind): JsonText {
    const found = this.#members.get(member)
    if (found && (kind === undefined || found.kind === kind)) return found
    const what =
      kind === undefined ? 'a member' : `${kind === 'array' ? 'an' : 'a'} ${kind} as its member`
    throw invalidUpdate(`The update "${this.#name}" needs ${what} "${member}".`)
  }

  numberOr(member: string, otherwise: string): string {
    return this.#members.has(member) ? this.required(member, 'number').text : otherwise
  }

  count(member: string): number | undefined {
    if (!this.#members.has(member)) return undefined
    const count = Number(this.required(member, 'number').text)
    if (Number.isInteger(count) && count >= 1 && count <= limits.keptItemsMax) return count
    throw invalidUpdate(`"${member}" is a whole number from 1 to ${limits.keptItemsMax}.`)
  }
}

interface Shape {
  readonly members: readonly string[]
  read(members: UpdateMembers): Update
}

const shapes: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  [
    'increment',
    {
      members: ['by'],
      read: (members) => ({ op: 'increment', by: members.numberOr('by', '1') }),
    },
  ],
  [
    'max',
    {
      members: ['value'],
      read: (members) => ({ op: 'max', value: members.required('value', 'number').text }),
    },
  ],
  [
    'min',
    {
      members: ['value'],
      read: (members) => ({ op: 'min', value: members.required('value', 'number').text }),
    },
  ],
  [
    'append',
    {
      members: ['item', 'keepLast'],
      read: (members) => ({
        op: 'append',
        item: members.required('item').text,
        keepLast: members.count('keepLast'),
      }),
    },
  ],
  [
    'merge',
    {
      members: ['patch'],
      read: (members) => ({ op: 'merge', patch: members.required('patch') }),
    },
  ],
  [
    'patch',
    {
      members: ['operations'],
      read: (members) => ({
        op: 'patch',
        operations: readOperations(members.required('operations', 'array')),
      }),
    },
  ],
])

/** Creates the error for an update that is not understood; the caller throws it. */
export function invalidUpdate(message: string): StorageError {
  return new StorageError('update-invalid', message)
}
