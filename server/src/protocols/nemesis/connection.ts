import { type Awaitable, orElse } from '../../core/kernel/awaitable.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import type { SocketSession } from '../../transport/socket-exchange.ts'
import { parseJsonText } from '../json/json-text.ts'
import { JsonTextError } from '../json/json-text-error.ts'
import type { Answer, Client, NemesisCall, Services } from './commands/call.ts'
import { type Command, type Concurrency, findCommand } from './commands/commands.ts'
import { status, statusOf } from './commands/status.ts'
import { answer, CommandError, messageError, refusal } from './commands/wire.ts'

type Reply = (answer: Answer) => void

interface Waiting {
  readonly command: Command
  readonly call: NemesisCall
  readonly reply: Reply
}

/**
 * Runs the commands of one connection with the same results as one after the other. Commands that
 * can't affect each other run at the same time, so that many of them share one sync to the disk.
 */
export class NemesisConnection implements SocketSession {
  readonly #services: Services
  readonly #client: Client
  readonly #onClose: () => void
  #concurrency: Concurrency = 'read'
  #running = 0
  readonly #waiting: Waiting[] = []

  constructor(services: Services, client: Client, onClose: () => void) {
    this.#services = services
    this.#client = client
    this.#onClose = onClose
  }

  receive(message: string | Uint8Array, reply: Reply): void {
    try {
      const work =
        typeof message === 'string' ? this.#parse(message) : messageError(status.opCodeInvalid)
      if (typeof work === 'string') reply(work)
      else this.#queue({ ...work, reply })
    } catch (error) {
      if (!(error instanceof JsonTextError)) throw error
      reply(messageError(status.jsonInvalid))
    }
  }

  close(): void {
    this.#waiting.length = 0
    this.#onClose()
  }

  /** The command, or the answer to a message that is not a command. Throws JsonTextError. */
  #parse(message: string): { command: Command; call: NemesisCall } | string {
    const document = parseJsonText(message)
    if (document.kind === 'null') return messageError(status.jsonInvalid)
    if (document.kind !== 'object') return messageError(status.commandSyntax)
    const members = document.members()
    if (members.size === 0) return messageError(status.commandSyntax)
    if (members.size > 1) return messageError(status.commandMultiple)
    for (const [name, body] of members) {
      if (body.kind !== 'object') return refusal(name, new CommandError(status.commandType))
      const parameters = body.members()
      const { compat } = this.#services
      const command = findCommand(name, { compat, hasToken: parameters.has('tkn') })
      if (!command) return refusal(name, new CommandError(status.commandNotExist))
      const call = { ...this.#services, client: this.#client, command: name, parameters }
      return { command, call }
    }
    return messageError(status.commandSyntax)
  }

  #queue(work: Waiting): void {
    if (this.#waiting.length === 0 && this.#mayStart(work.command.concurrency)) this.#start(work)
    else this.#waiting.push(work)
  }

  #mayStart(concurrency: Concurrency): boolean {
    return this.#running === 0 || (concurrency === this.#concurrency && concurrency !== 'alone')
  }

  #start({ command, call, reply }: Waiting): void {
    this.#concurrency = command.concurrency
    this.#running += 1
    const finish = (text: Answer): void => {
      this.#running -= 1
      reply(text)
    }
    const answered = run(command, call)
    if (answered instanceof Promise) void answered.then(finish).then(() => this.#startWaiting())
    else finish(answered)
  }

  #startWaiting(): void {
    for (;;) {
      const [next] = this.#waiting
      if (!next || !this.#mayStart(next.command.concurrency)) return
      this.#waiting.shift()
      this.#start(next)
    }
  }
}

/** Runs a command. Never fails: an error becomes the answer. */
function run({ handler }: Command, call: NemesisCall): Awaitable<Answer> {
  return orElse(
    () => handler(call),
    (error) => refusalOf(error, call),
  )
}

function refusalOf(error: unknown, { command, environment }: NemesisCall): string {
  if (error instanceof CommandError) return refusal(command, error)
  if (error instanceof StorageError) {
    if (error.code === 'record-damaged' || error.cause !== undefined) {
      environment.logError(command, error)
    }
    return refusal(command, new CommandError(statusOf[error.code], error.message))
  }
  environment.logError(`${command} failed`, error)
  return answer(command, `{"st":${status.unknown},"tkn":null,"m":""}`)
}
