import { type Awaitable, orElse } from '../../core/kernel/awaitable.ts'
import { isRefusedByEngine, StorageError } from '../../core/kernel/errors.ts'
import type { MessageRoom, Reply, SocketSession } from '../../transport/socket-exchange.ts'
import { JsonTextError } from '../json/json-text-error.ts'
import type { Answer, Client, NemesisCall, Services } from './call/call.ts'
import { status, statusOf } from './call/status.ts'
import { answer, CommandError, messageError, refusal, shortRefusal } from './call/wire.ts'
import type { Command, Concurrency } from './commands/commands.ts'
import { type Request, readMessage } from './message.ts'

interface Waiting {
  readonly command: Command
  readonly concurrency: Concurrency
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
  /** The sessions, by token, that running commands change as a whole. */
  readonly #changing = new Set<string | undefined>()
  readonly #waiting: Waiting[] = []

  constructor(services: Services, client: Client, onClose: () => void) {
    this.#services = services
    this.#client = client
    this.#onClose = onClose
  }

  get owner(): string {
    return this.#client.principal.user.id
  }

  receive(message: string | Uint8Array, reply: Reply, room: MessageRoom): void {
    const { compat } = this.#services
    try {
      const request =
        typeof message === 'string'
          ? readMessage(message, compat)
          : messageError(status.opCodeInvalid, compat)
      if (typeof request === 'string') reply(request)
      else this.#queue(this.#waitingOf(request, reply, room))
    } catch (error) {
      if (!(error instanceof JsonTextError)) throw error
      reply(messageError(status.jsonInvalid, compat))
    }
  }

  close(): void {
    this.#waiting.length = 0
    this.#onClose()
  }

  #waitingOf({ name, command, parameters }: Request, reply: Reply, room: MessageRoom): Waiting {
    const call: NemesisCall = {
      ...this.#services,
      client: this.#client,
      command: name,
      parameters,
      room,
      begin: (text) => reply(text, { goesOn: true }),
    }
    return { command, concurrency: command.concurrencyOf(parameters), call, reply }
  }

  #queue(work: Waiting): void {
    if (this.#waiting.length === 0 && this.#mayStart(work)) this.#start(work)
    else this.#waiting.push(work)
  }

  #mayStart({ concurrency, call }: Waiting): boolean {
    if (this.#running === 0) return true
    if (concurrency !== this.#concurrency || concurrency === 'alone') return false
    return concurrency !== 'session' || !this.#changing.has(sessionOf(call))
  }

  #start({ command, concurrency, call, reply }: Waiting): void {
    this.#concurrency = concurrency
    this.#running += 1
    if (concurrency === 'session') this.#changing.add(sessionOf(call))
    const finish = (text: Answer): void => {
      this.#running -= 1
      if (concurrency === 'session') this.#changing.delete(sessionOf(call))
      reply(text)
    }
    const answered = run(command, call)
    if (answered instanceof Promise) void answered.then(finish).then(() => this.#startWaiting())
    else finish(answered)
  }

  #startWaiting(): void {
    for (;;) {
      const [next] = this.#waiting
      if (!next || !this.#mayStart(next)) return
      this.#waiting.shift()
      this.#start(next)
    }
  }
}

function sessionOf({ parameters }: NemesisCall): string | undefined {
  return parameters.get('tkn')?.text
}

/** Runs a command. Never fails: an error becomes the answer. */
function run(command: Command, call: NemesisCall): Awaitable<Answer> {
  return orElse(
    () => command.handler(call),
    (error) => (command.isNew ? shortRefusalOf(error, call) : refusalOf(error, call)),
  )
}

function refusalOf(error: unknown, call: NemesisCall): string {
  const { command } = call
  if (error instanceof CommandError) return refusal(command, error)
  log(error, call)
  if (!(error instanceof StorageError)) {
    return answer(command, `{"st":${status.unknown},"tkn":null,"m":""}`)
  }
  return refusal(command, new CommandError(statusOf[error.code], error.message))
}

function shortRefusalOf(error: unknown, call: NemesisCall): string {
  const { command } = call
  if (error instanceof CommandError) {
    // NemesisDB has no API tokens: so this refusal may say more than its own.
    const isOurs = error.status === status.commandDisabled
    return shortRefusal(command, error.status, isOurs ? error.message : undefined)
  }
  log(error, call)
  if (!(error instanceof StorageError)) return shortRefusal(command, status.unknown)
  return shortRefusal(command, statusOf[error.code], error.message)
}

/** Logs failures of the server. Mistakes of the client are no news. */
function log(error: unknown, { command, environment }: NemesisCall): void {
  if (!(error instanceof StorageError)) environment.logError(`${command} failed`, error)
  else if (error.code === 'record-damaged' || error.cause !== undefined) {
    if (!isRefusedByEngine(error)) environment.logError(command, error)
  }
}
