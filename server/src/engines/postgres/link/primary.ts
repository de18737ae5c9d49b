import { EngineError } from '../../../core/engine/engine.ts'
import type { PostgresAddress, PostgresHost } from './address.ts'
import { nameOf } from './address.ts'
import { Session } from './session.ts'

export interface PrimaryOptions {
  readonly address: PostgresAddress
  readonly connectMsMax: number
  readonly answerMsMax: number
}

/**
 * The one of several hosts that takes writes, and all sessions with it. All are with the same
 * host: when one of them finds that another host takes the writes now, the others are ended, so
 * that nothing is read from a host that was left behind.
 */
export class Primary {
  readonly #options: PrimaryOptions
  readonly #sessions = new Set<Session>()
  #host: PostgresHost | undefined

  constructor(options: PrimaryOptions) {
    this.#options = options
  }

  /** For people: where the writes go, as far as is known. */
  get name(): string {
    return this.#host ? nameOf(this.#host) : this.#options.address.hosts.map(nameOf).join(', ')
  }

  /** Throws EngineError `unavailable` with what each host answered. */
  async open(): Promise<Session> {
    const { hosts } = this.#options.address
    const first = this.#host ?? hosts[0]
    const others = hosts.filter((host) => host !== first)
    const reasons: string[] = []
    // The one that took the writes until now goes before the others, so that of two that say they
    // do, which happens while one takes over, the same is asked by all.
    for (const group of [first ? [first] : [], others]) {
      const opened = await this.#openAny(group, reasons)
      if (opened) return this.#keep(opened)
    }
    const what =
      hosts.length > 1 ? 'No PostgreSQL server that takes writes was' : 'PostgreSQL was not'
    throw new EngineError('unavailable', `${what} reached. ${reasons.join(' ')}`)
  }

  async #openAny(hosts: readonly PostgresHost[], reasons: string[]): Promise<Session | undefined> {
    const attempts = hosts.map(async (host) => {
      try {
        return await this.#openWritable(host)
      } catch (error) {
        reasons.push(`${nameOf(host)}: ${reasonOf(error)}.`)
        throw error
      }
    })
    const [opened] = await Promise.allSettled([Promise.any(attempts)])
    const session = opened?.status === 'fulfilled' ? opened.value : undefined
    for (const attempt of attempts) void closeUnless(session, attempt)
    return session
  }

  async #openWritable(host: PostgresHost): Promise<Session> {
    const session = await Session.open({ ...this.#options, host })
    if (session.isWritable) return session
    void session.close()
    throw new Error('it takes no writes: a standby, or set to be read only')
  }

  #keep(session: Session): Session {
    this.#host = session.host
    for (const other of this.#sessions) {
      if (other.host !== session.host) other.destroy()
    }
    this.#sessions.add(session)
    void session.lost.then(() => this.#sessions.delete(session))
    return session
  }
}

async function closeUnless(kept: Session | undefined, attempt: Promise<Session>): Promise<void> {
  const [opened] = await Promise.allSettled([attempt])
  if (opened?.status === 'fulfilled' && opened.value !== kept) await opened.value.close()
}

/** What is wrong, without the full stop. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/\.$/, '')
}
