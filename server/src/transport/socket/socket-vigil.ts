import { limits } from '../../core/kernel/limits.ts'

/** How long the server waits for a client, in ms. */
export interface SocketPatience {
  /** A client that sends nothing for this long gets a ping. */
  readonly idleMs: number
  /** How long a client may take to answer the ping. */
  readonly pongMs: number
  /** A client that takes next to nothing of the output for this long is cut off. */
  readonly stallMs: number
  /** The same while the room of all connections is short. */
  readonly shortStallMs: number
  /** How long the pending answers and the client's close frame may take when a connection ends. */
  readonly endMs: number
}

/** The observable state of a connection. */
export interface Signs {
  readonly isEnding: boolean
  /** Whether there is output that the client has not taken. */
  readonly isBlocked: boolean
  /** Whether the server has paused reading from the client. */
  readonly isPaused: boolean
  /** Whether a large part of a message has come, and not its end. */
  readonly isSending: boolean
  /** Whether clients wait because the connections hold too much. */
  readonly isShort: boolean
  readonly readBytes: number
  readonly takenBytes: number
}

type Phase = 'ending' | 'blocked' | 'paused' | 'sending' | 'open'

/**
 * Finds out whether a client is still there, from checks now and then, without timers of its own.
 */
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

  /** `silent`: send it a ping. `lost`: cut it off. */
  look(now: number, signs: Signs): 'well' | 'silent' | 'lost' {
    const phase = phaseOf(signs)
    const bytes = bytesOf(phase, signs)
    if (phase !== this.#phase || this.#hasMoved(phase, bytes)) {
      this.#phase = phase
      this.#bytes = bytes
      this.#since = now
      this.#isAsked = false
    }
    const { idleMs, pongMs, endMs } = this.#patience
    const stallMs = signs.isShort ? this.#patience.shortStallMs : this.#patience.stallMs
    const waitedMs = now - this.#since
    if (phase === 'paused') return 'well'
    if (phase === 'ending') return waitedMs >= endMs ? 'lost' : 'well'
    if (isTransfer(phase)) return waitedMs >= stallMs ? 'lost' : 'well'
    if (this.#isAsked) return waitedMs >= idleMs + pongMs ? 'lost' : 'well'
    this.#isAsked = waitedMs >= idleMs
    return this.#isAsked ? 'silent' : 'well'
  }

  /** A client that moves a byte now and then makes the server hold all the others. */
  #hasMoved(phase: Phase, bytes: number): boolean {
    const moved = bytes - this.#bytes
    return isTransfer(phase) ? moved >= limits.socketMovedBytesMin : moved !== 0
  }
}

function isTransfer(phase: Phase): boolean {
  return phase === 'blocked' || phase === 'sending'
}

/** A client that is paused and not blocked waits for the server. */
function phaseOf({ isEnding, isBlocked, isPaused, isSending }: Signs): Phase {
  if (isEnding) return 'ending'
  if (isBlocked) return 'blocked'
  if (isPaused) return 'paused'
  return isSending ? 'sending' : 'open'
}

function bytesOf(phase: Phase, { readBytes, takenBytes }: Signs): number {
  if (phase === 'open' || phase === 'sending') return readBytes
  return phase === 'blocked' ? takenBytes : 0
}
