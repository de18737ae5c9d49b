import type { Members } from '../../json/json-members.ts'
import { NemesisConnectionError } from '../answers/errors.ts'

/** Whether more answers to the command will follow this one. */
export type IsMore = (answer: Members) => boolean

export interface CommandOptions {
  readonly name: string
  /** Its body, as JSON. */
  readonly parameters: string
  readonly isMore?: IsMore | undefined
  /** How long it waits for its answer, in milliseconds. */
  readonly timeoutMs: number
  /** Called if its time is over before it was sent. */
  dropped(command: Command): void
}

/** A command that waits for its answer. */
export class Command {
  /** Rejects with NemesisConnectionError when its time is over. */
  readonly answer: Promise<Members>
  /** Whether quiet commands were sent between the command before and this one. */
  isAfterQuiet = false
  readonly #options: CommandOptions
  readonly #resolve: (answer: Members) => void
  readonly #reject: (error: Error) => void
  #isSent = false
  #timer: ReturnType<typeof setTimeout>

  constructor(options: CommandOptions) {
    this.#options = options
    const { promise, resolve, reject } = Promise.withResolvers<Members>()
    this.answer = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#timer = this.#begin()
  }

  get name(): string {
    return this.#options.name
  }

  /** The message that it is on the wire. */
  get text(): string {
    return `{"${this.name}":${this.#options.parameters}}`
  }

  sent(): void {
    this.#isSent = true
  }

  /** Whether more answers will follow this one. If so, the time begins anew. */
  isMore(answer: Members): boolean {
    const isMore = this.#options.isMore?.(answer) ?? false
    if (isMore) {
      clearTimeout(this.#timer)
      this.#timer = this.#begin()
    }
    return isMore
  }

  /** Has no effect after its time: nobody waits for the answer then. */
  resolve(answer: Members): void {
    clearTimeout(this.#timer)
    this.#resolve(answer)
  }

  reject(error: Error): void {
    clearTimeout(this.#timer)
    this.#reject(error)
  }

  #begin(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#expire(), this.#options.timeoutMs)
  }

  #expire(): void {
    const wait = `${this.name} was not answered within ${this.#options.timeoutMs} ms.`
    if (this.#isSent) {
      const message = `${wait} It is unknown whether the command was carried out.`
      this.#reject(new NemesisConnectionError(message, 'unknown'))
      return
    }
    this.#options.dropped(this)
    this.#reject(new NemesisConnectionError(`${wait} There was no connection.`, 'not-sent'))
  }
}
