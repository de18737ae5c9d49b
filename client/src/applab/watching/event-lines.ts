/** One server-sent event. */
export interface ServerEvent {
  /** '' for none. */
  readonly event: string
  readonly data: string
}

/** An event with more text is no event of ours. */
const textMax = 1_048_576

/**
 * Splits a stream of server-sent events (the HTML standard, 9.2.6), as far as Coatcheck sends them.
 * Remembers the last id, after which a new stream goes on.
 */
export class EventLines {
  #text = ''
  #event = ''
  #data: string[] = []
  /** '' until the stream has told one. */
  lastId = ''

  /** The events that are complete with this piece. Throws Error if there is no end of an event. */
  read(piece: string): readonly ServerEvent[] {
    const lines = (this.#text + piece).split('\n')
    this.#text = lines.pop() ?? ''
    if (this.#text.length > textMax) throw new Error('The stream of changes sends no whole lines.')
    return lines.flatMap((line) => this.#line(line.replace(/\r$/, '')) ?? [])
  }

  #line(line: string): ServerEvent | undefined {
    if (line === '') return this.#end()
    const [, name, value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
    if (name === 'event') this.#event = value
    if (name === 'data') this.#data.push(value)
    if (name === 'id') this.lastId = value
    return undefined
  }

  #end(): ServerEvent | undefined {
    const event = { event: this.#event, data: this.#data.join('\n') }
    const isEvent = this.#data.length > 0
    this.#event = ''
    this.#data = []
    return isEvent ? event : undefined
  }
}
