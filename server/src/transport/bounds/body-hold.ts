import type { BytePool, Holding } from '../../core/kernel/bounds/byte-pool.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'

/** What happens once there is room, or after too long a wait. */
export interface Outcomes {
  granted(): void
  refused(error: StorageError): void
}

/** The room that the body of one request takes in memory, until its reply has gone out. */
export class BodyHold {
  readonly #holding: Holding
  #leave: (() => void) | undefined
  #isReleased = false

  /** `owner` is the client's address until somebody knows its user. */
  constructor(pool: BytePool, owner: string) {
    this.#holding = pool.open(owner)
  }

  /** Whether the body waits for room, and its client therefore for the server. */
  get isWaiting(): boolean {
    return this.#leave !== undefined
  }

  /** Whether others, or other bodies of the same owner, wait for room. */
  get isShort(): boolean {
    return this.#holding.isShort
  }

  countFor(owner: string): void {
    this.#holding.moveTo(owner)
  }

  /**
   * Whether there is room for so many bytes; short bodies are not counted, and none is after
   * `release`. If not, one of the outcomes comes later.
   */
  reserve(bytes: number, outcomes: Outcomes): boolean {
    if (this.#isReleased) return true
    if (bytes <= this.#holding.bytes || bytes <= limits.httpUncountedBodyBytesMax) return true
    if (this.#holding.take(bytes)) return true
    const refuse = (): void => {
      this.#stopWaiting()
      outcomes.refused(
        new StorageError('store-busy', 'Too many request bodies are under way. Try again.'),
      )
    }
    const timer = setTimeout(refuse, limits.roomWaitMsMax)
    const leave = this.#holding.wait(() => {
      if (!this.#isReleased && !this.#holding.take(bytes)) return false
      this.#stopWaiting()
      if (!this.#isReleased) outcomes.granted()
      return true
    })
    this.#leave = () => {
      clearTimeout(timer)
      leave()
    }
    return false
  }

  release(): void {
    this.#isReleased = true
    this.#stopWaiting()
    this.#holding.set(0)
  }

  #stopWaiting(): void {
    this.#leave?.()
    this.#leave = undefined
  }
}
