export interface LivenessOptions {
  /** After half of it without a message, `probe` is called; after the other half, `lost`. */
  readonly silenceMs: number
  /** Sends something that the server answers at once. */
  probe(): void
  lost(): void
}

/**
 * Notices a link that is silent because it is dead: no WebSocket of a browser says so, and TCP may
 * take a quarter of an hour.
 */
export class Liveness {
  readonly #options: LivenessOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #heardAt = 0
  /** Undefined unless a probe waits for its answer. */
  #probedAt: number | undefined

  constructor(options: LivenessOptions) {
    this.#options = options
  }

  start(): void {
    this.stop()
    this.heard()
    this.#wait()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** A message came. */
  heard(): void {
    this.#heardAt = performance.now()
    this.#probedAt = undefined
  }

  #wait(): void {
    const half = this.#options.silenceMs / 2
    const since = this.#probedAt ?? this.#heardAt
    this.#timer = setTimeout(() => this.#look(), Math.max(1, since + half - performance.now()))
  }

  /** Also after a sleep of the machine, a probe comes first: an old silence proves nothing. */
  #look(): void {
    const half = this.#options.silenceMs / 2
    const now = performance.now()
    if (this.#probedAt !== undefined && now - this.#probedAt >= half) {
      this.stop()
      this.#options.lost()
      return
    }
    if (this.#probedAt === undefined && now - this.#heardAt >= half) {
      this.#probedAt = now
      this.#options.probe()
    }
    this.#wait()
  }
}
