import { EngineError } from '../../../core/engine/engine.ts'
import { nameOf, type PostgresAddress, type PostgresHost } from './address.ts'
import { Session } from './session.ts'

export interface PrimaryOptions {
  readonly address: PostgresAddress
  readonly connectMsMax: number
  readonly answerMsMax: number
  /** Tells the operator which host takes the writes, when that changes. */
  log(sentence: string): void
  /** Takes a server that takes no writes, such as a standby, if no other one is found. */
  readonly mayBeReadOnly?: boolean
}

/**
 * The one of several hosts that takes writes, and all sessions with it. When a new session finds
 * that another host takes the writes now, the sessions with the old host are cut, so that nothing
 * is read from a host that was left behind.
 */
export class Primary {
  readonly #options: PrimaryOptions
  readonly #sessions = new Set<Session>()
  #host: PostgresHost | undefined
  /** Whether none was found the last time. */
  #isAway = false

  constructor(options: PrimaryOptions) {
    this.#options = options
  }

  /** For messages: the host that takes the writes, or all hosts while it is unknown. */
  get name(): string {
    return this.#host ? nameOf(this.#host) : this.#options.address.hosts.map(nameOf).join(', ')
  }

  /** Throws EngineError `unavailable` with the reason of each host. */
  async open(): Promise<Session> {
    const { hosts } = this.#options.address
    const first = this.#host ?? hosts[0]
    const others = hosts.filter((host) => host !== first)
    const reasons: string[] = []
    // The host that took the writes until now is tried before the others. While another host takes
    // over, two may claim to take writes: then all sessions still use the same one.
    const groups = [first ? [first] : [], others]
    for (const group of groups) {
      const opened = await this.#openAny(group, reasons)
      if (opened) return this.#keep(opened)
    }
    // All sessions must be with the same standby too.
    const standbys = this.#options.mayBeReadOnly ? (this.#host ? groups : [hosts]) : []
    for (const group of standbys) {
      const standby = await this.#openAny(group, [], () => true)
      if (standby) return this.#keep(standby)
    }
    this.#isAway = true
    const what =
      hosts.length > 1 ? 'No PostgreSQL server that takes writes was' : 'PostgreSQL was not'
    throw new EngineError('unavailable', `${what} reached. ${reasons.join(' ')}`)
  }

  async #openAny(
    hosts: readonly PostgresHost[],
    reasons: string[],
    isWanted = ({ isWritable }: Session): boolean => isWritable,
  ): Promise<Session | undefined> {
    const attempts = hosts.map(async (host) => {
      try {
        return await this.#openWanted(host, isWanted)
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

  async #openWanted(host: PostgresHost, isWanted: (session: Session) => boolean): Promise<Session> {
    const session = await Session.open({ ...this.#options, host })
    if (isWanted(session)) return session
    void session.close()
    throw new Error('it takes no writes: it is a standby or read-only')
  }

  #keep(session: Session): Session {
    this.#tellChange(session.host)
    this.#host = session.host
    for (const other of this.#sessions) {
      if (other.host !== session.host) other.destroy()
    }
    this.#sessions.add(session)
    void session.lost.then(() => this.#sessions.delete(session))
    return session
  }

  #tellChange(host: PostgresHost): void {
    const before = this.#host
    const wasAway = this.#isAway
    this.#isAway = false
    if (!before || (before === host && !wasAway)) return
    const now = `PostgreSQL at ${nameOf(host)} takes the writes`
    this.#options.log(
      before === host ? `${now} again` : `${now} now; before, ${nameOf(before)} did`,
    )
  }
}

async function closeUnless(kept: Session | undefined, attempt: Promise<Session>): Promise<void> {
  const [opened] = await Promise.allSettled([attempt])
  if (opened?.status === 'fulfilled' && opened.value !== kept) await opened.value.close()
}

/** The message of an error, without the full stop. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/\.$/, '')
}
