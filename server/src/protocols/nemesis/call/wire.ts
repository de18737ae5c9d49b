import { StorageError } from '../../../core/kernel/errors.ts'
import type { AnswerText } from '../../../transport/socket-exchange.ts'
import { status } from './status.ts'

/** Which family of NemesisDB's versions a server speaks. */
export type Compat = '0.4' | '0.9'

/** The longest reply, in characters. Instead of a longer one, an error is sent. */
export const replyLengthMax = 16 * 1_048_576

/** Values that a search or a dump reads in one batch. */
export const valuesAtOnce = 64

/** Sessions that one command makes or ends at the same time, so that they share syncs. */
export const sessionsAtOnce = 64

/** Members of a JSON object whose values are JSON text already. */
export type Members = readonly (readonly [name: string, json: string | number | boolean | bigint])[]

type TextMembers = readonly (readonly [name: string, json: string])[]

/** JSON text of an object. */
export function object(members: Members): string {
  let text = '{'
  for (const [name, json] of members) {
    if (text.length > 1) text += ','
    text += `${JSON.stringify(name)}:${json}`
  }
  return `${text}}`
}

/** JSON text of a list of texts. */
export function list(texts: readonly string[]): string {
  return JSON.stringify(texts)
}

/** The answer to a command: `{"KV_SET_RSP":{...}}`. Throws StorageError if it is too long. */
export function answer(command: string, body: string): string {
  assertReplyLength(body.length)
  return `{${JSON.stringify(`${command}_RSP`)}:${body}}`
}

/** Throws StorageError. */
export function assertReplyLength(length: number): void {
  if (length <= replyLengthMax) return
  const rule = `${replyLengthMax} characters`
  throw new StorageError('value-too-large', `This reply is over ${rule}: ask for less at once.`)
}

/** From this length on, an answer is not joined. */
export const joinedLengthMax = 65_536

/** The same in pieces: a long answer is not joined. */
export function answerInPieces(command: string, body: readonly string[]): AnswerText {
  const length = lengthOf(body)
  if (length < joinedLengthMax) return answer(command, body.join(''))
  assertReplyLength(length)
  const pieces = [`{${JSON.stringify(`${command}_RSP`)}:`, ...body, '}']
  return { pieces, length: lengthOf(pieces) }
}

/** The JSON text of an object, in pieces. */
export function objectPieces(members: TextMembers): string[] {
  const pieces = members.flatMap(([name, json], index) => [
    `${index > 0 ? ',' : '{'}${JSON.stringify(name)}:`,
    json,
  ])
  return members.length === 0 ? ['{}'] : [...pieces, '}']
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0)
}

/** The answer to a message that is not a command. In 0.9 it has no `m`. */
export function messageError(code: number, compat: Compat): string {
  return compat === '0.9' ? `{"ERR":{"st":${code}}}` : `{"ERR":{"st":${code},"m":""}}`
}

/** A refusal that the command's handler throws. */
export class CommandError extends Error {
  readonly status: number
  /** The session's token as JSON text. */
  readonly token: string

  /** `message` becomes `m` of the answer: for an invalid parameter, it is the parameter's name. */
  constructor(code: number, message = '', token = 'null') {
    super(message)
    this.name = 'CommandError'
    this.status = code
    this.token = token
  }
}

export function refusal(command: string, { status: code, token, message }: CommandError): string {
  return answer(command, `{"st":${code},"tkn":${token},"m":${JSON.stringify(message)}}`)
}

/** A refusal of 0.9. `message` is for refusals that NemesisDB does not have. */
export function shortRefusal(command: string, code: number, message?: string): string {
  const told = message === undefined ? '' : `,"m":${JSON.stringify(message)}`
  return answer(command, `{"st":${code}${told}}`)
}

export function invalidParameter(code: number, name: string): CommandError {
  return new CommandError(code, name)
}

export const syntaxError = (): CommandError => new CommandError(status.commandSyntax)
