import { type JsonValue, parseJson, printJson } from '../json/json.ts'
import { type Members, membersOf } from '../json/json-members.ts'
import { assertStatus, refusalOf, statusesOf } from './answers/refusal.ts'
import { status } from './answers/statuses.ts'

export interface IdempotencyOption {
  /** Names this write, so that the server does it once even if it is sent again within an hour. */
  readonly idempotencyKey?: string
}

/** A number after an increment. A bigint if no number holds it exactly. */
export interface Sum {
  readonly value: number | bigint
  readonly revision: number
}

export interface Versioned {
  readonly value: JsonValue
  readonly revision: number
}

/** The member of a command that names it; '' without one. */
export function idemText({ idempotencyKey }: IdempotencyOption = {}): string {
  return idempotencyKey === undefined ? '' : `,"idem":${printJson(idempotencyKey)}`
}

/** Throws NemesisError. */
export function sumOf(answer: Members): Sum {
  assertStatus('KV_INC', answer, [status.Ok])
  const value = parseJson(answer.get('val') ?? 'null')
  if (typeof value !== 'number' && typeof value !== 'bigint') throw refusalOf('KV_INC', answer)
  return { value, revision: revisionOf('KV_INC', answer.get('rev'), answer) }
}

/** Undefined if the condition was not met. Throws NemesisError. */
export function revisionIfSet(key: string, answer: Members): number | undefined {
  assertStatus('KV_SET', answer, [])
  const code = statusesOf(answer.get('keys') ?? '').get(key)
  if (code === status.KeyExists || code === status.KeyNotExist) return undefined
  if (code !== status.KeySet && code !== status.KeyUpdated) throw refusalOf('KV_SET', answer)
  return revisionOf('KV_SET', answer.get('rev'), answer)
}

/** Throws NemesisError. */
export function versionsOf(answer: Members): Map<string, Versioned> {
  const values = membersOf(answer.get('keys') ?? '{}')
  const revisions = membersOf(answer.get('revs') ?? '{}')
  return new Map(
    [...revisions].map(([key, revision]) => [
      key,
      {
        value: parseJson(values.get(key) ?? 'null'),
        revision: revisionOf('KV_GET', revision, answer),
      },
    ]),
  )
}

/** Throws NemesisError for an answer without one, such as that of a server that knows none. */
function revisionOf(command: string, json: string | undefined, answer: Members): number {
  const revision = Number(json)
  if (json !== undefined && Number.isSafeInteger(revision)) return revision
  throw refusalOf(command, answer)
}
