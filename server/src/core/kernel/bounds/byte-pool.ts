/** How many bytes may be held at the same time. */
export interface PoolBounds {
  /** For all owners together. */
  readonly bytesMax: number
  /** For one owner, so that others find room while one takes all that it gets. */
  readonly ownerBytesMax: number
}

/** With more than this part of the room held, those that wait do so because of all holders. */
const shortPart = 3 / 4

/** Tries to take room. Returns true if it did, or if it does not wait any more. */
type Attempt = () => boolean

/**
 * Counts the bytes that clients make the server hold, for all of them and for each owner: a user,
 * or the address of somebody without a token. Nothing is allocated here: holders ask first.
 */
export class BytePool {
  readonly #bounds: PoolBounds
  readonly #owned = new Map<string, number>()
  /** Those that wait for room, the first one first, and for which owner. */
  readonly #waiting = new Map<Attempt, string>()
  /** How many wait for each owner. */
  readonly #waitingFor = new Map<string, number>()
  #bytes = 0
  #isTrying = false

  constructor(bounds: PoolBounds) {
    this.#bounds = bounds
  }

  /** All bytes that are held. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Whether what this owner holds keeps somebody waiting: the owner itself, or anybody if there is
   * too little room for all.
   */
  isShortFor(owner: string): boolean {
    if (this.#waitingFor.has(owner)) return true
    const { bytesMax } = this.#bounds
    return this.#bytes > (this.#waiting.size > 0 ? bytesMax * shortPart : bytesMax)
  }

  /** Whether twice as much is held as should be: waiting alone does not help any more. */
  get isOverrun(): boolean {
    return this.#bytes > 2 * this.#bounds.bytesMax
  }

  /** A holder that holds nothing yet. */
  open(owner: string): Holding {
    return new Holding(this, owner)
  }

  /** Whether so many more bytes of an owner fit into this part (0 to 1) of the room. */
  fits(owner: string, bytes: number, part = 1): boolean {
    const { bytesMax, ownerBytesMax } = this.#bounds
    if (this.#bytes + bytes > bytesMax * part) return false
    return (this.#owned.get(owner) ?? 0) + bytes <= ownerBytesMax * part
  }

  /** Use `Holding`. */
  change(owner: string, delta: number): void {
    if (delta === 0) return
    this.#bytes += delta
    const owned = (this.#owned.get(owner) ?? 0) + delta
    if (owned > 0) this.#owned.set(owner, owned)
    else this.#owned.delete(owner)
    if (delta < 0) this.#tryAll()
  }

  /** Calls `attempt` whenever bytes were given back, until it returns true. Returns a way out. */
  wait(owner: string, attempt: Attempt): () => void {
    this.#waiting.set(attempt, owner)
    this.#waitingFor.set(owner, (this.#waitingFor.get(owner) ?? 0) + 1)
    return () => this.#leave(attempt)
  }

  #leave(attempt: Attempt): void {
    const owner = this.#waiting.get(attempt)
    if (owner === undefined) return
    this.#waiting.delete(attempt)
    const count = (this.#waitingFor.get(owner) ?? 0) - 1
    if (count > 0) this.#waitingFor.set(owner, count)
    else this.#waitingFor.delete(owner)
  }

  #tryAll(): void {
    if (this.#isTrying) return
    this.#isTrying = true
    const { bytesMax, ownerBytesMax } = this.#bounds
    try {
      for (const [attempt, owner] of this.#waiting) {
        if (this.#bytes >= bytesMax) break
        const isFull = (this.#owned.get(owner) ?? 0) >= ownerBytesMax
        if (!isFull && attempt()) this.#leave(attempt)
      }
    } finally {
      this.#isTrying = false
    }
  }
}

/** The bytes that one connection, request or archive holds. */
export class Holding {
  readonly #pool: BytePool
  #owner: string
  #bytes = 0

  /** Use `BytePool.open`. */
  constructor(pool: BytePool, owner: string) {
    this.#pool = pool
    this.#owner = owner
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Sets how many bytes it holds, whether they fit or not. */
  set(bytes: number): void {
    const delta = bytes - this.#bytes
    this.#bytes = bytes
    this.#pool.change(this.#owner, delta)
  }

  /** See `BytePool.isShortFor`. */
  get isShort(): boolean {
    return this.#pool.isShortFor(this.#owner)
  }

  /** See `BytePool.wait`. */
  wait(attempt: Attempt): () => void {
    return this.#pool.wait(this.#owner, attempt)
  }

  /** Whether it may hold so many more bytes, within this part of the room. */
  fits(more: number, part?: number): boolean {
    return this.#pool.fits(this.#owner, more, part)
  }

  /** Holds so many bytes, if they fit. Returns whether they did. */
  take(bytes: number): boolean {
    if (!this.fits(bytes - this.#bytes)) return false
    this.set(bytes)
    return true
  }

  /** From now on the bytes count for another owner. */
  moveTo(owner: string): void {
    if (owner === this.#owner) return
    const bytes = this.#bytes
    this.set(0)
    this.#owner = owner
    this.set(bytes)
  }
}
