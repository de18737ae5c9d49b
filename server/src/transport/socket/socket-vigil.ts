/** How long a client is waited for, in ms. */
export interface SocketPatience {
  /** One that sends nothing for so long is asked whether it is there. */
  readonly idleMs: number
  /** And has so long for its answer. */
  readonly pongMs: number
  /** One that takes nothing of what is sent for so long is cut off. */
  readonly stallMs: number
  /** What is in flight when a connection ends, and the client's own end, may take so long. */
  readonly endMs: number
}

/** What can be seen of a connection. */
export interface Signs {
  readonly isEnding: boolean
  /** Whether the client has yet to take something. */
  readonly isBlocked: boolean
  /** Whether nothing is read from it. */
  readonly isPaused: boolean
  readonly readBytes: number
  readonly takenBytes: number
}

type Phase = 'ending' | 'blocked' | 'paused' | 'open'

/** Tells from looks now and then, without timers of its own, whether a client is still there. */
export class SocketVigil {
  readonly #patience: SocketPatience
  #phase: Phase = 'open'
  /** The bytes that count in this phase. */
  #bytes = 0
  #since: number
  #isAsked = false

  constructor(patience: SocketPatience, now: number) {
    this.#patience = patience
    this.#since = now
  }

  /** `silent`: to be asked whether it is there. `lost`: to be cut off. */
  look(now: number, signs: Signs): 'well' | 'silent' | 'lost' {
    const phase = phaseOf(signs)
    const bytes = bytesOf(phase, signs)
    if (phase !== this.#phase || bytes !== this.#bytes) {
      this.#phase = phase
      this.#bytes = bytes
      this.#since = now
      this.#isAsked = false
    }
    const { idleMs, pongMs, stallMs, endMs } = this.#patience
    const waitedMs = now - this.#since
    if (phase === 'paused') return 'well'
    if (phase === 'ending') return waitedMs >= endMs ? 'lost' : 'well'
    if (phase === 'blocked') return waitedMs >= stallMs ? 'lost' : 'well'
    if (this.#isAsked) return waitedMs >= idleMs + pongMs ? 'lost' : 'well'
    this.#isAsked = waitedMs >= idleMs
    return this.#isAsked ? 'silent' : 'well'
  }
}

/** One that is paused and not blocked waits for the server. */
function phaseOf({ isEnding, isBlocked, isPaused }: Signs): Phase {
  if (isEnding) return 'ending'
  if (isBlocked) return 'blocked'
  return isPaused ? 'paused' : 'open'
}

function bytesOf(phase: Phase, { readBytes, takenBytes }: Signs): number {
  if (phase === 'open') return readBytes
  return phase === 'blocked' ? takenBytes : 0
}
