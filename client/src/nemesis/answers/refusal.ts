import { type Members, membersOf } from '../../json/json-members.ts'
import { NemesisError } from './errors.ts'
import { status } from './statuses.ts'

/** The error for an answer that is a refusal. */
export function refusalOf(command: string, answer: Members): NemesisError {
  const keys = statusesOf(answer.get('keys') ?? '')
  const code = Number(answer.get('st') ?? worstOf(keys))
  const reason = stringOf(answer.get('m'))
  return new NemesisError(command, code, { reason, token: tokenOf(answer.get('tkn')), keys })
}

/** Throws NemesisError if the answer has a status that is not among `wanted`. */
export function assertStatus(command: string, answer: Members, wanted: readonly number[]): void {
  const code = answer.get('st')
  if (code !== undefined && !wanted.includes(Number(code))) throw refusalOf(command, answer)
}

/** Undefined for null. */
export function tokenOf(json: string | undefined): bigint | undefined {
  return json !== undefined && /^\d+$/.test(json) ? BigInt(json) : undefined
}

/** The status of each key. */
export function statusesOf(json: string): ReadonlyMap<string, number> {
  if (!json.startsWith('{')) return new Map()
  return new Map([...membersOf(json)].map(([key, code]) => [key, Number(code)]))
}

function stringOf(json: string | undefined): string {
  return json?.startsWith('"') ? JSON.parse(json) : ''
}

function worstOf(keys: ReadonlyMap<string, number>): number {
  return Math.max(0, ...keys.values()) || status.Unknown
}
