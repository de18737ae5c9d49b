import { type Members, membersOf } from '../../json/json-members.ts'

/** A message of the server: `{NAME: BODY}`. */
export interface Message {
  readonly name: string
  readonly body: Members
}

/** Undefined for anything but an object with an object in it. */
export function parseMessage(data: unknown): Message | undefined {
  if (typeof data !== 'string') return undefined
  try {
    for (const [name, body] of membersOf(data)) return { name, body: membersOf(body) }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return undefined
}
