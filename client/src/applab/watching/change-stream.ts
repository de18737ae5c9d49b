import { EventParser } from '../../watch/event-parser.ts'
import { AppLabError, type Refusal } from '../page/errors.ts'
import { takeSlot } from './stream-slots.ts'

/** A change, as the server tells it. */
export interface Change {
  /** '' for a change of the whole store. */
  readonly key: string
  readonly kind: 'put' | 'delete' | 'clear' | 'drop' | 'expire'
  readonly revision: number
  /** Missing: it must be read. */
  readonly value?: unknown
  readonly door?: string
  /** The user who made it, where this was asked for; null for a page. */
  readonly username?: string | null
}

/** Who hears the stream. */
export interface StreamListener {
  /** The stream has begun. `isNew`: changes may have been missed before it. */
  onReady(about: { isNew: boolean }): void
  onChange(change: Change): void
  /** The stream will not go on. */
  onEnd(error: AppLabError): void
}

/** The server sends something at least every 15 seconds: after this, the connection is dead. */
const silentMsMax = 40_000
/** How long a stream without a slot is read, and how long it then pauses. */
const glanceMs = 400
const glanceEveryMs = 2_000
const pauseMsMin = 250
const pauseMsMax = 8_000

/** A stream of changes that goes on where it was when its connection is lost. */
export class ChangeStream {
  readonly #url: URL
  readonly #listener: StreamListener
  readonly #headers: Readonly<Record<string, string>>
  readonly #stop = new AbortController()
  #lastId: string
  #pauseMs = pauseMsMin

  /** `after`: the id after which it begins; '' means now. */
  constructor(
    url: URL,
    listener: StreamListener,
    { after = '', headers = {} }: { after?: string; headers?: Record<string, string> } = {},
  ) {
    this.#url = url
    this.#listener = listener
    this.#headers = headers
    this.#lastId = after
    void this.#run()
  }

  /** The id of the last event. */
  get lastId(): string {
    return this.#lastId
  }

  close(): void {
    this.#stop.abort()
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const release = await takeSlot(this.#url.origin)
      try {
        await this.#connect({ isGlance: !release })
      } catch (error) {
        if (error instanceof AppLabError) {
          this.close()
          this.#listener.onEnd(error)
        }
      } finally {
        release?.()
      }
      await this.#pause(release ? this.#pauseMs : glanceEveryMs)
      this.#pauseMs = Math.min(2 * this.#pauseMs, pauseMsMax)
    }
  }

  /** Reads one connection to its end. Throws AppLabError if there will be no other. */
  async #connect({ isGlance }: { isGlance: boolean }): Promise<void> {
    const url = new URL(this.#url)
    if (this.#lastId !== '') url.searchParams.set('after', this.#lastId)
    const connection = new AbortController()
    const { signal } = connection
    const cutOff = (): void => connection.abort()
    this.#stop.signal.addEventListener('abort', cutOff)
    const cut = new Watchdog(() => connection.abort())
    cut.in(silentMsMax)
    try {
      const headers = this.#headers
      const response = await fetch(url, { signal, headers, credentials: 'omit', cache: 'no-store' })
      if (!response.ok || !response.body) throw await refusalOf(response)
      const parser = new EventParser()
      const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await pieces.read()
        if (done) return
        cut.in(isGlance ? glanceMs : silentMsMax)
        for (const event of parser.push(value)) {
          if (event.kind === 'event') this.#hear(event.name, event.data)
        }
        if (parser.lastId !== '') this.#lastId = parser.lastId
        this.#pauseMs = pauseMsMin
      }
    } finally {
      cut.off()
      this.#stop.signal.removeEventListener('abort', cutOff)
      connection.abort()
    }
  }

  #hear(event: string, data: string): void {
    if (this.#stop.signal.aborted) return
    const told = JSON.parse(data)
    if (event === 'ready') this.#listener.onReady({ isNew: this.#lastId === '' })
    if (event === 'reset') this.#listener.onReady({ isNew: true })
    if (event === 'change') this.#listener.onChange(told)
    if (event === 'end') throw new AppLabError({ msg: told.message, type: told.type })
    const isOver = event === 'change' && ['drop', 'expire'].includes(told.kind)
    if (isOver)
      throw new AppLabError({ msg: 'The project was deleted.', type: 'PROJECT_NOT_FOUND' })
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stop
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms * (0.75 + Math.random() / 4))
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

/** Acts unless it is put off again. */
class Watchdog {
  readonly #act: () => void
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(act: () => void) {
    this.#act = act
  }

  in(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#act, ms)
  }

  off(): void {
    clearTimeout(this.#timer)
  }
}

/** An AppLabError, or an Error if the server may answer later. */
async function refusalOf(response: Response): Promise<Error> {
  const text = await response.text()
  const mayPass = response.status === 429 || response.status >= 500
  if (mayPass) return new Error(`The server answered with ${response.status}.`)
  const refusal: Partial<Refusal> = Object(parsed(text))
  const { msg = `The server's answer makes no sense (status ${response.status}).` } = refusal
  return new AppLabError({ msg, type: refusal.type ?? 'BAD_ANSWER' })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
