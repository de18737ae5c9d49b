import type { Bytes } from '../../core/kernel/bytes.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { HttpReply } from '../../transport/exchange.ts'

/** Where the texts of a stream of events come from. */
export interface EventTexts {
  /** The text of the next events, once there are some; undefined: that is all. Never throws. */
  next(): Promise<string | undefined>
  /** The text that shows that the stream still works, while nothing happens. */
  idle(): string
  /** Called once, at the end: a pending `next` must then resolve. */
  close(): void
  /** Aborted when the client has lost its right; then `next` has something to say about it. */
  readonly signal: AbortSignal
}

/** One server-sent event. `data` is JSON; undefined: only the id is sent. */
export interface ServerEvent {
  /** With what the client continues after this event; undefined: as after the event before. */
  readonly id?: string | undefined
  readonly event?: string
  readonly data?: string
}

/** The text of a server-sent event (HTML Living Standard, 9.2). */
export function eventText({ id, event, data }: ServerEvent): string {
  const lines: string[] = []
  if (id !== undefined) lines.push(`id: ${id}`)
  if (event !== undefined) lines.push(`event: ${event}`)
  // JSON has line breaks only between its tokens.
  if (data !== undefined) lines.push(`data: ${data.replaceAll(/[\r\n]+/g, ' ')}`)
  return `${lines.join('\n')}\n\n`
}

/**
 * The reply that streams these events. It ends when the texts do, when the client goes away, when
 * the server stops, or soon after the client has lost its right.
 */
export function eventStreamReply(texts: EventTexts): HttpReply {
  const body = new EventStream(texts)
  return {
    status: 200,
    headers: eventStreamHeaders(),
    body,
    signal: body.cutOff,
    openEnd: {
      bytesMax: limits.watchBatchBytesMax,
      count: (holds) => body.count(holds),
      end: () => body.end(),
    },
  }
}

export function eventStreamHeaders(): HttpReply['headers'] {
  return {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    // Otherwise nginx collects the events before it passes them on.
    'X-Accel-Buffering': 'no',
  }
}

class EventStream implements AsyncIterable<Bytes> {
  readonly #texts: EventTexts
  readonly #cutOff = new AbortController()
  #isBegun = false
  #isOver = false
  #isAsked = false
  /** What came in answer to `next`, until it is sent. */
  #came: { readonly text: string | undefined } | undefined
  #wake: (() => void) | undefined
  #holds: ((bytes: number) => void) | undefined

  constructor(texts: EventTexts) {
    this.#texts = texts
    texts.signal.addEventListener('abort', () => this.#endSoon(), { once: true })
  }

  /** Aborted if the client does not take the last event in time. */
  get cutOff(): AbortSignal {
    return this.#cutOff.signal
  }

  /** Calls `holds` with the bytes that the client has not taken yet, from now on. */
  count(holds: (bytes: number) => void): void {
    this.#holds = holds
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#texts.close()
    this.#wake?.()
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.end()
        return { done: true, value: undefined }
      },
    }
  }

  /** Called when the client has taken what came before. */
  async #next(): Promise<IteratorResult<Bytes>> {
    this.#holds?.(0)
    const text = this.#isOver ? undefined : await this.#text()
    if (text !== undefined) {
      const value = Buffer.from(text)
      this.#holds?.(value.length)
      return { done: false, value }
    }
    this.end()
    return { done: true, value: undefined }
  }

  async #text(): Promise<string | undefined> {
    if (!this.#isBegun) {
      this.#isBegun = true
      return `retry: ${limits.eventsRetryMs}\n\n`
    }
    this.#ask()
    await this.#wait()
    if (this.#isOver) return undefined
    if (!this.#came) return this.#texts.idle()
    const { text } = this.#came
    this.#came = undefined
    this.#isAsked = false
    return text
  }

  #ask(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    void this.#texts.next().then((text) => {
      this.#came = { text }
      this.#wake?.()
    })
  }

  /** Until something comes, but not for longer than a silent client is kept. */
  async #wait(): Promise<void> {
    if (this.#came || this.#isOver) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limits.eventsIdleMs).unref()
    this.#wake = resolve
    await promise
    this.#wake = undefined
    clearTimeout(timer)
  }

  #endSoon(): void {
    setTimeout(() => this.#cutOff.abort(), limits.eventsEndMsMax).unref()
  }
}
