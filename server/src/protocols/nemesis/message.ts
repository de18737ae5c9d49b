import { type JsonText, parseJsonText } from '../json/json-text.ts'
import type { Parameters } from './call/parameters.ts'
import { status } from './call/status.ts'
import { CommandError, type Compat, messageError, refusal, shortRefusal } from './call/wire.ts'
import { type Command, findCommand } from './commands/commands.ts'

/** A command as it came. */
export interface Request {
  readonly name: string
  readonly command: Command
  readonly parameters: Parameters
}

const byteOrderMark = 0xfeff

/**
 * The command in a text message, or the answer to a message that is not a command. Throws
 * JsonTextError.
 */
export function readMessage(message: string, compat: Compat): Request | string {
  const document = parseJsonText(
    message.charCodeAt(0) === byteOrderMark ? message.slice(1) : message,
  )
  const members = document.kind === 'object' ? document.members() : undefined
  if (members?.size !== 1) return messageError(formError(document, compat), compat)
  for (const [name, body] of members) return readCommand(name, body, compat)
  return messageError(status.commandSyntax, compat)
}

/** The status of a message that is not an object with one member. In 0.9 it is always 13. */
function formError({ kind, size }: JsonText, compat: Compat): number {
  if (compat === '0.9') return status.commandSyntax
  if (kind === 'null') return status.jsonInvalid
  return kind === 'object' && size > 1 ? status.commandMultiple : status.commandSyntax
}

function readCommand(name: string, body: JsonText, compat: Compat): Request | string {
  const parameters = body.kind === 'object' ? body.members() : undefined
  const hasToken = parameters?.has('tkn') === true
  if (compat === '0.9' && !hasToken) return readNewCommand(name, parameters)
  if (!parameters) return refusal(name, new CommandError(status.commandType))
  const command = findCommand(name, { compat, hasToken })
  if (!command) return refusal(name, new CommandError(status.commandNotExist))
  return { name, command, parameters }
}

/** As 0.9 checks a message. The answer to an unknown command does not name it if it is a KV_... */
function readNewCommand(name: string, parameters: Parameters | undefined): Request | string {
  if (!parameters || !name.includes('_')) return shortRefusal(name, status.commandSyntax)
  const command = findCommand(name, { compat: '0.9', hasToken: false })
  if (command) return { name, command, parameters }
  if (name.startsWith('KV_')) return messageError(status.commandNotExist, '0.9')
  return shortRefusal(name, status.commandNotExist)
}
