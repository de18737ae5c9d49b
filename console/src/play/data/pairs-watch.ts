import { type Change, ChangeStream } from '../../../../client/src/applab/watching/change-stream.ts'
import { sentenceOf } from '../page/refusal.ts'
import type { Pairs, PairValues } from './pairs.ts'

/** The largest part of the time that reading may take. */
const shareOfTime = 1 / 10
/** While changes are told, all pairs are read this seldom: a stream may be silently dead. */
const pauseLiveMs = 30_000

/** Who has changed a pair, as far as the server tells. */
export interface ChangedBy {
  readonly door: string | undefined
  readonly username: string | null | undefined
}

export interface PairsListener {
  onPairs(values: PairValues): void
  /** Somebody has changed a pair. */
  onChange(key: string, by: ChangedBy): void
  /** Undefined: it works again. */
  onTrouble(sentence: string | undefined): void
}

/**
 * Follows the pairs of a project while the data is shown. The server tells what changes, and what
 * has changed is read at once. Where it tells nothing, all pairs are read again and again. One read
 * at a time.
 */
export class PairsWatch {
  readonly #pairs: Pairs
  readonly #listener: PairsListener
  #changed = new Set<string>()
  #isWanted = false
  #isOver = false
  #isReading = false
  #isAllDue = false
  #stream: ChangeStream | undefined
  #streamed = ''
  /** When the stream of changes has begun, by performance.now(). */
  #toldSince = Number.POSITIVE_INFINITY
  #allBegunAt = 0
  #timer: number | undefined
  /** How long the last successful read of all pairs took, and when the last one ended. */
  #lastMs = 0
  #allReadAt = 0

  constructor(pairs: Pairs, listener: PairsListener) {
    this.#pairs = pairs
    this.#listener = listener
    document.addEventListener('visibilitychange', this.#onVisibility)
  }

  /** Begins to follow, and reads all pairs at once, unless it has ended. */
  look(): void {
    if (this.#isOver) return
    this.#isWanted = true
    this.#isAllDue = true
    this.#follow()
    this.#goOn()
  }

  /** A pair has changed. */
  note(key: string): void {
    // Else `look` reads all pairs anyway.
    if (!this.#isWanted) return
    this.#changed.add(key)
    this.#follow()
    this.#goOn()
  }

  /** Pauses until `look` is called. */
  rest(): void {
    this.#isWanted = false
    this.#leave()
    clearTimeout(this.#timer)
  }

  /** Lets the server tell of changes, also of keys that became known. */
  #follow(): void {
    const changes = this.#pairs.changes
    const address = changes?.url.href ?? ''
    if (address === this.#streamed) return
    const after = this.#stream?.lastId ?? ''
    this.#leave()
    if (!changes) return
    this.#streamed = address
    const listener = {
      onReady: (): void => {
        this.#toldSince = performance.now()
      },
      onChange: ({ key, kind, door, username }: Change): void => {
        this.#listener.onChange(key, { door, username })
        if (kind === 'put' || kind === 'delete') this.note(key)
        else this.look()
      },
      // Then all pairs are read again and again, which also says what is wrong.
      onEnd: (): void => {
        this.#toldSince = Number.POSITIVE_INFINITY
      },
    }
    const { url, headers } = changes
    this.#stream = new ChangeStream(url, listener, { after, headers: { ...headers } })
  }

  #leave(): void {
    this.#stream?.close()
    this.#stream = undefined
    this.#streamed = ''
    this.#toldSince = Number.POSITIVE_INFINITY
  }

  /** Ends for good: actions that are still going on may call `look` later. */
  end(): void {
    this.#isOver = true
    this.rest()
    document.removeEventListener('visibilitychange', this.#onVisibility)
  }

  readonly #onVisibility = (): void => {
    if (this.#isWanted && document.visibilityState === 'visible') this.look()
  }

  #goOn(): void {
    if (!this.#isWanted || this.#isReading) return
    clearTimeout(this.#timer)
    const changed = this.#changed
    const isAllDue = this.#isAllDue || (changed.size > 0 && this.#waitMs === 0)
    this.#changed = new Set()
    this.#isAllDue = false
    if (isAllDue) this.#read(undefined)
    else if (changed.size > 0) this.#read(changed)
    else this.#wait()
  }

  /** How long until all pairs are due, however often single pairs change meanwhile. */
  get #waitMs(): number {
    // Changes from before the stream are only seen by a read that began after it.
    const isLive = this.#allBegunAt > this.#toldSince
    const shortestMs = isLive ? pauseLiveMs : this.#pairs.pauseMs
    const pauseMs = Math.max(shortestMs, this.#lastMs / shareOfTime)
    return Math.max(0, this.#allReadAt + pauseMs - performance.now())
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      if (document.visibilityState === 'visible') this.look()
    }, this.#waitMs)
  }

  async #read(changed: ReadonlySet<string> | undefined): Promise<void> {
    this.#isReading = true
    const begunAt = performance.now()
    if (!changed) this.#allBegunAt = begunAt
    try {
      const values = await this.#pairs.read(changed)
      // A read that failed says nothing about how long reading takes.
      if (!changed) this.#lastMs = performance.now() - begunAt
      this.#show(values)
    } catch (error) {
      // The stream may be lost, too: it is asked again and again until the server answers.
      this.#allBegunAt = 0
      const sentence = sentenceOf(error)
      if (this.#isWanted) this.#listener.onTrouble(sentence)
    } finally {
      this.#isReading = false
      if (!changed) this.#allReadAt = performance.now()
      this.#goOn()
    }
  }

  #show(values: PairValues): void {
    // If all are due, the user has changed a pair since: these may be older than that.
    if (!this.#isWanted || this.#isAllDue) return
    this.#listener.onTrouble(undefined)
    this.#listener.onPairs(values)
  }
}
