import type { Awaitable } from '../../core/kernel/awaitable.ts'
import type { Holding } from '../../core/kernel/bounds/byte-pool.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { MessageRoom } from '../socket-exchange.ts'

/** What a connection holds besides answers in the making. */
export interface Unsent {
  /** The number of the oldest message without an answer. */
  readonly first: number
  /** Answers that the client has not taken. */
  readonly backlogBytes: number
  /** Answers that wait for those to earlier messages. */
  readonly earlyBytes: number
  /** Messages without an answer, whole ones and the part of one that has come. */
  readonly messagesBytes: number
}

interface Wish {
  readonly message: MessageInHand
  readonly bytes: number
  /** Since when it waits for the room of all connections only; undefined: it does not. */
  since: number | undefined
  grant(): void
  refuse(error: StorageError): void
}

/**
 * Bounds the bytes of answers that one connection makes the server hold: those in the making, and
 * those that are not sent yet. What does not fit waits. The oldest message never waits for later
 * ones, whose answers can only be sent after its own.
 */
export class AnswerRoom {
  readonly #bytesMax: number
  readonly #holding: Holding
  readonly #unsent: () => Unsent
  readonly #onChange: () => void
  /** Of answers in the making. */
  #taken = 0
  /** In the order of the messages. */
  #wishes: Wish[] = []
  #isOpen = true

  /**
   * `onChange` is called when something begins to wait or is given back: `wake` must be called
   * soon.
   */
  constructor(parts: {
    readonly bytesMax: number
    readonly holding: Holding
    unsent(): Unsent
    onChange(): void
  }) {
    this.#bytesMax = parts.bytesMax
    this.#holding = parts.holding
    this.#unsent = () => parts.unsent()
    this.#onChange = () => parts.onChange()
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get isWaitedFor(): boolean {
    return this.#wishes.length > 0
  }

  /** Whether the first that waits would fit within the bounds of this connection. */
  get waitsForOthers(): boolean {
    const [wish] = this.#wishes
    return wish !== undefined && this.#fitsHere(wish)
  }

  /** All bytes that this connection holds for its answers and its messages. */
  get held(): number {
    const { backlogBytes, earlyBytes, messagesBytes } = this.#unsent()
    return this.#taken + backlogBytes + earlyBytes + messagesBytes
  }

  take(message: MessageInHand, bytes: number): Awaitable<void> {
    if (!this.#isOpen) throw busy()
    if (this.#mayTake(message, bytes)) {
      this.#grant(message, bytes)
      return undefined
    }
    return new Promise((resolve, reject) => {
      const grant = (): void => {
        this.#grant(message, bytes)
        resolve()
      }
      this.#wishes.push({ message, bytes, since: undefined, grant, refuse: reject })
      this.#wishes.sort((one, other) => one.message.number - other.message.number)
      this.#onChange()
    })
  }

  give(bytes: number): void {
    if (!this.#isOpen || bytes === 0) return
    this.#taken -= bytes
    this.#onChange()
  }

  /** Grants what fits now. Call it whenever something was answered, given back or sent. */
  wake(): void {
    for (let wish = this.#wishes[0]; wish; wish = this.#wishes[0]) {
      if (!this.#mayTake(wish.message, wish.bytes)) return
      this.#wishes.shift()
      wish.grant()
    }
  }

  /**
   * Refuses the oldest message if it has waited for others for too long: several connections could
   * wait for each other for ever. Must be called now and then.
   */
  refuseOld(now: number): void {
    const [wish] = this.#wishes
    if (wish?.message.number !== this.#unsent().first) return
    wish.since = this.#fitsHere(wish) ? (wish.since ?? now) : undefined
    if (wish.since === undefined || now - wish.since < limits.roomWaitMsMax) return
    this.#wishes.shift()
    wish.refuse(busy())
  }

  /** The connection has ended. */
  close(): void {
    this.#isOpen = false
    this.#taken = 0
    for (const { refuse } of this.#wishes.splice(0)) refuse(busy())
  }

  #grant(message: MessageInHand, bytes: number): void {
    message.taken += bytes
    this.#taken += bytes
    this.#holding.set(this.held)
  }

  #mayTake(message: MessageInHand, bytes: number): boolean {
    const isFirst = message.number === this.#unsent().first
    // Half of the room of all connections is for their oldest messages.
    return this.#fitsHere({ message, bytes }) && this.#holding.fits(bytes, isFirst ? 1 : 1 / 2)
  }

  /** Half of the room of a connection is for its oldest message, too. */
  #fitsHere({ message, bytes }: Pick<Wish, 'message' | 'bytes'>): boolean {
    const { first, backlogBytes, earlyBytes } = this.#unsent()
    const isFirst = message.number === first
    if (isFirst && backlogBytes === 0) return true
    const held = backlogBytes + (isFirst ? message.taken : earlyBytes + this.#taken)
    return held + bytes <= this.#bytesMax / 2
  }
}

/** One message that a door was handed, and the room for its answer. */
export class MessageInHand implements MessageRoom {
  readonly number: number
  /** Bytes of its answer that are counted. */
  taken = 0
  readonly #room: AnswerRoom
  /** Bytes that are too few to be counted. */
  #uncounted = 0

  constructor(number: number, room: AnswerRoom) {
    this.number = number
    this.#room = room
  }

  get isOpen(): boolean {
    return this.#room.isOpen
  }

  take(bytes: number): Awaitable<void> {
    if (this.taken === 0 && this.#uncounted + bytes <= limits.socketUncountedAnswerBytesMax) {
      this.#uncounted += bytes
      return undefined
    }
    return this.#room.take(this, bytes)
  }

  give(bytes: number): void {
    const counted = Math.min(bytes, this.taken)
    this.taken -= counted
    this.#room.give(counted)
  }
}

function busy(): StorageError {
  return new StorageError('store-busy', 'Too many bytes of answers are under way. Try again.')
}
