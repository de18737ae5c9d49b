import { errorTypeOf, type Json } from '../network/remote.ts'

/** One server-sent event, with its data as JSON. */
export interface StreamEvent {
  /** Undefined: it had none of its own. */
  readonly id: string | undefined
  readonly event: string
  readonly data: Json
}

interface Opening {
  readonly token?: string | undefined
  readonly lastId?: string | undefined
}

/** A client of a stream of server-sent events, over `fetch`. */
export class ChangeStream {
  readonly headers: Headers
  readonly #abort: AbortController
  readonly #events: AsyncGenerator<StreamEvent>
  #lastId: string | undefined

  private constructor(reply: Response, abort: AbortController) {
    this.headers = reply.headers
    this.#abort = abort
    this.#events = this.#read(reply)
  }

  /** Throws an error that names status and type if the stream is refused. */
  static async open(url: string, { token, lastId }: Opening = {}): Promise<ChangeStream> {
    const abort = new AbortController()
    const headers = {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(lastId !== undefined && { 'Last-Event-ID': lastId }),
    }
    const reply = await fetch(url, { headers, signal: abort.signal })
    if (reply.status === 200) return new ChangeStream(reply, abort)
    const text = await reply.text()
    throw new Error(`${reply.status} ${errorTypeOf({ text })}`)
  }

  /** The id of the last event that has one. */
  get lastId(): string | undefined {
    return this.#lastId
  }

  /** Undefined: the stream has ended. */
  async next(): Promise<StreamEvent | undefined> {
    const { value, done } = await this.#events.next()
    return done ? undefined : value
  }

  /** Reads on to the first event for which `isIt` holds, and returns all up to it. */
  async until(isIt: (event: StreamEvent) => boolean): Promise<StreamEvent[]> {
    const events: StreamEvent[] = []
    for (let event = await this.next(); event; event = await this.next()) {
      events.push(event)
      if (isIt(event)) return events
    }
    throw new Error(`The stream ended after ${JSON.stringify(events.slice(-3))}`)
  }

  close(): void {
    this.#abort.abort()
  }

  async *#read(reply: Response): AsyncGenerator<StreamEvent> {
    let text = ''
    const decoder = new TextDecoder()
    for await (const part of reply.body ?? []) {
      text += decoder.decode(part, { stream: true })
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const block = text.slice(0, end)
        text = text.slice(end + 2)
        const event = this.#eventOf(block)
        if (event) yield event
      }
    }
  }

  #eventOf(block: string): StreamEvent | undefined {
    const fields = new Map<string, string>()
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? []
      fields.set(name, value)
    }
    const id = fields.get('id')
    this.#lastId = id ?? this.#lastId
    const data = fields.get('data')
    if (data === undefined) return undefined
    return { id, event: fields.get('event') ?? 'message', data: JSON.parse(data) }
  }
}
