/** What a stream of server-sent events (HTML Standard, 9.2) has. */
export type SentEvent =
  | { readonly kind: 'event'; readonly name: string; readonly data: string }
  | { readonly kind: 'comment' }
  | { readonly kind: 'retry'; readonly ms: number }

/** An event of Coatcheck has a key and a value of at most 4 KiB each. */
const eventCharsMax = 1_048_576

/** Reads server-sent events from pieces of text. */
export class EventParser {
  /** The line that has not ended yet. */
  #line = ''
  #name = ''
  #data: string[] = []
  #chars = 0
  #id: string | undefined
  #lastId = ''

  /**
   * The id after which a new stream goes on; '' until the stream has told one. The id of an event
   * counts once the whole event is here: else a stream that breaks within it would lose it.
   */
  get lastId(): string {
    return this.#lastId
  }

  /** The events that end in this piece. Throws RangeError for one that is too long. */
  push(piece: string): SentEvent[] {
    this.#chars += piece.length
    // Looked at only if it has an end: else a line in many pieces would be searched once for each.
    const hasEnd = /[\r\n]/.test(piece) || this.#line.endsWith('\r')
    this.#line += piece
    // A carriage return at the very end may be half of a line's end.
    const lines = hasEnd ? this.#line.split(/\r\n|\n|\r(?!$)/) : [this.#line]
    this.#line = lines.pop() ?? ''
    const events = lines.flatMap((line) => this.#take(line) ?? [])
    if (this.#chars > eventCharsMax) throw new RangeError('An event is too long.')
    return events
  }

  #take(line: string): SentEvent | undefined {
    if (line === '') return this.#dispatch()
    if (line.startsWith(':')) return this.#alone({ kind: 'comment' })
    const [, name = line, value = ''] = /^([^:]*): ?(.*)$/s.exec(line) ?? []
    if (name === 'event') this.#name = value
    if (name === 'data') this.#data.push(value)
    if (name === 'id' && !value.includes('\0')) this.#id = value
    if (name === 'retry' && /^\d{1,9}$/.test(value)) {
      return this.#alone({ kind: 'retry', ms: Number(value) })
    }
    return undefined
  }

  #dispatch(): SentEvent | undefined {
    const data = this.#data.join('\n')
    const isEvent = this.#data.length > 0
    const name = this.#name === '' ? 'message' : this.#name
    this.#lastId = this.#id ?? this.#lastId
    this.#id = undefined
    this.#name = ''
    this.#data = []
    this.#chars = this.#line.length
    return isEvent ? { kind: 'event', name, data } : undefined
  }

  /** Something that is complete without an empty line. */
  #alone(event: SentEvent): SentEvent {
    if (this.#data.length === 0) this.#chars = this.#line.length
    return event
  }
}
