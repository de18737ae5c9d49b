import type { Socket } from 'node:net'
import { limits } from '../../core/kernel/limits.ts'
import type { Idle } from './idle-connections.ts'
import { connectionsAllowed } from './open-files.ts'

/** Finds the connection of one port that has been idle for longest; undefined: none idles. */
export type IdleSearch = () => Idle | undefined

/**
 * The connections of all ports, WebSockets with them: they share the files that this process may
 * have open. Without a limit, a process at its end of files drops connections without a word.
 */
export class OpenConnections {
  readonly max: number
  readonly #logError: (message: string, cause: unknown) => void
  readonly #open = new Set<Socket>()
  readonly #searches: IdleSearch[] = []

  /** `max`: how many there may be; by default as many as `ulimit -n` allows. */
  constructor({
    max = usualMax(),
    logError,
  }: {
    readonly max?: number
    logError(message: string, cause: unknown): void
  }) {
    this.max = max
    this.#logError = (message, cause) => logError(message, cause)
  }

  get isCrowded(): boolean {
    return this.#open.size >= this.max
  }

  /** From now on, idle connections of this port make room for new ones of every port. */
  addPort(search: IdleSearch): void {
    this.#searches.push(search)
  }

  /**
   * Counts a new connection until it is closed. Of too many, the one that has been idle for longest
   * is cut off: the newest client is the most likely one to send a request. If none idles, the new
   * one is cut off, and this returns false.
   */
  admit(socket: Socket): boolean {
    if (this.isCrowded) {
      const why = `${this.max} are open, as many as this server or \`ulimit -n\` allows`
      this.#logError(`Connections are cut off: ${why}`, undefined)
      if (!this.#cutOffIdlest()) {
        socket.destroy()
        return false
      }
    }
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    return true
  }

  /** Returns whether there was one. */
  #cutOffIdlest(): boolean {
    const found = this.#searches.map((search) => search()).filter((idle) => idle !== undefined)
    const [idlest] = found.sort((one, other) => one.at - other.at)
    if (!idlest) return false
    this.#open.delete(idlest.socket)
    idlest.socket.destroy()
    return true
  }
}

function usualMax(): number {
  return Math.min(limits.connectionsMax, connectionsAllowed() ?? limits.connectionsMax)
}
