import { CoatcheckError, notUnderstood } from '../http/errors.ts'
import { parseJson } from '../json/json.ts'
import { type Members, membersOf } from '../json/json-members.ts'
import type { Change } from './change.ts'

interface NamedData {
  readonly name: string
  readonly data: string
}

const statuses: Readonly<Record<string, number>> = {
  'service-unavailable': 503,
  'store-not-found': 404,
  'record-not-found': 404,
  'user-or-token-not-found': 401,
}

/**
 * The change that an event tells; undefined for kinds that this client does not know. Throws
 * CoatcheckError: `answer-not-understood`, or why the server ended the stream.
 */
export function changeOf({ name, data }: NamedData): Change | undefined {
  const members = parsed(data)
  if (name === 'end') throw endOf(members)
  const revision = Number(members.get('revision'))
  if (!Number.isSafeInteger(revision) || revision < 0) throw notAChange()
  if (name === 'ready' || name === 'reset') return { kind: name, revision }
  return name === 'change' ? recordChangeOf(members, revision) : undefined
}

/** A change by its members, as all doors name them. Throws CoatcheckError. */
export function recordChangeOf(members: Members, revision: number): Change | undefined {
  const kind = textOf(members, 'kind')
  const by = { door: textOf(members, 'door'), username: textOf(members, 'username') }
  if (kind === 'clear' || kind === 'drop' || kind === 'expire') return { kind, revision }
  if (kind !== 'put' && kind !== 'delete') return undefined
  const key = textOf(members, 'key')
  if (key === undefined) throw notAChange()
  if (kind === 'delete') return { kind, key, revision, ...by }
  const text = members.get('value')
  const value = text === undefined ? undefined : parseJson(text)
  return { kind, key, revision, contentType: textOf(members, 'contentType'), value, text, ...by }
}

function parsed(data: string): Members {
  try {
    // Checked as a whole, because `membersOf` looks only for the ends of values.
    JSON.parse(data)
    return membersOf(data)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw notAChange(error)
  }
}

function endOf(members: Members): CoatcheckError {
  const type = textOf(members, 'type') ?? 'insufficient-permissions'
  const message = textOf(members, 'message') ?? 'The server ended the stream of changes.'
  return new CoatcheckError(message, { status: statuses[type] ?? 403, type })
}

function textOf(members: Members, name: string): string | undefined {
  const json = members.get(name)
  return json?.startsWith('"') ? JSON.parse(json) : undefined
}

function notAChange(cause?: unknown): CoatcheckError {
  return notUnderstood(200, 'The server sent an event that tells no change.', cause)
}
