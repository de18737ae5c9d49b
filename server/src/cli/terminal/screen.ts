import type { WriteStream } from 'node:tty'
import { cutTo, printable, printableJson, widthOf } from './printable.ts'
import type { Cell } from './readable.ts'

/** A column of a table about `Row`s. */
export interface Column<Row> {
  readonly title: string
  readonly isNumber?: boolean
  cellOf(row: Row): Cell
}

/** The columns that a terminal gives to each column of a table. */
type Widths = readonly number[]

interface Streams {
  readonly stdout: WriteStream
  readonly stderr: WriteStream
}

const gap = '  '

/** Where the results of a command go: tables for people, lines for programs, or JSON. */
export class Screen {
  /** True: the command prints its result with `json`, and nothing else. */
  readonly isJson: boolean
  readonly #streams: Streams
  #isReaderGone = false

  constructor({ isJson }: { isJson: boolean }, streams: Streams = process) {
    this.isJson = isJson
    this.#streams = streams
    streams.stdout.on('error', (error: NodeJS.ErrnoException) => {
      // As in `coatcheck store list | head -1`: that is not an error.
      if (error.code !== 'EPIPE') throw error
      this.#isReaderGone = true
    })
  }

  /** Whether nobody reads the result any more. */
  get isReaderGone(): boolean {
    return this.#isReaderGone
  }

  /** Whether people see the result at once. */
  get isTerminal(): boolean {
    return this.#streams.stdout.isTTY === true
  }

  /** Prints the API's answer; null for an empty one. */
  json(data: unknown): void {
    this.#streams.stdout.write(`${printableJson(data ?? null)}\n`)
  }

  /** Prints a part of JSON that is too long to be made in one piece. */
  jsonPart(text: string): void {
    this.#streams.stdout.write(text)
  }

  /** Prints bytes unchanged. Resolves when more can be taken, or the reader is gone. */
  async bytes(bytes: Uint8Array): Promise<void> {
    const { stdout } = this.#streams
    if (this.#isReaderGone || stdout.write(bytes)) return
    const ready = Promise.withResolvers<void>()
    for (const event of ['drain', 'close', 'error']) stdout.once(event, ready.resolve)
    await ready.promise
    for (const event of ['drain', 'close', 'error']) stdout.off(event, ready.resolve)
  }

  sentence(text: string): void {
    this.#streams.stdout.write(`${printable(text)}\n`)
  }

  /** Prints a line: unchanged for programs and files, escaped for a terminal. */
  text(text: string): void {
    const { stdout } = this.#streams
    stdout.write(`${stdout.isTTY ? printable(text) : text}\n`)
  }

  /** Prints a message that is not part of the result, on stderr: programs read stdout only. */
  note(text: string): void {
    this.#streams.stderr.write(`${printable(text)}\n`)
  }

  /**
   * Prints a secret that is never shown again. It is alone on stdout, so that a script can keep it.
   */
  secret(text: string, sentence: string): void {
    this.note(`${sentence}, shown only this once:`)
    this.sentence(text)
  }

  /**
   * Prints a header and rows, cut to the width of a terminal. Elsewhere: only values, between tabs.
   * A further page of a table names the widths that the page before returned, and has no header.
   */
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], before?: Widths): Widths {
    if (!this.#streams.stdout.isTTY) {
      this.#lines(rows.map((row) => columns.map((column) => plain(column.cellOf(row))).join('\t')))
      return []
    }
    const cells = rows.map((row) => columns.map(({ cellOf }) => printable(cellOf(row).readable)))
    const titles = columns.map(({ title }) => title)
    const isNumber = columns.map((column) => column.isNumber === true)
    const all = before ? cells : [titles, ...cells]
    const widths = widthsOf(all, before)
    this.#lines(aligned(all, { isNumber, widths }).map((line) => this.#cut(line)))
    return widths
  }

  /** Prints one row without a header: of a list that has no end. */
  line(cells: readonly Cell[]): void {
    const isTerminal = this.#streams.stdout.isTTY
    const texts = cells.map((cell) => (isTerminal ? printable(cell.readable) : plain(cell)))
    this.#lines(isTerminal ? [this.#cut(texts.join(gap))] : [texts.join('\t')])
  }

  /** Prints properties, one per line. */
  facts(facts: readonly (readonly [name: string, cell: Cell])[]): void {
    const isTerminal = this.#streams.stdout.isTTY
    const rows = facts.map(([name, cell]) => [
      name,
      isTerminal ? printable(cell.readable) : plain(cell),
    ])
    if (!isTerminal) this.#lines(rows.map((row) => row.join('\t')))
    else this.#lines(aligned(rows, { widths: widthsOf(rows) }).map((line) => this.#cut(line)))
  }

  #cut(line: string): string {
    // 0 for a terminal that does not know its width.
    return cutTo(this.#streams.stdout.columns || Number.POSITIVE_INFINITY, line)
  }

  #lines(lines: readonly string[]): void {
    for (const line of lines) this.#streams.stdout.write(`${line}\n`)
  }
}

function plain(cell: Cell): string {
  return printable(cell.plain)
}

/** The width of the widest cell of each column. */
function widthsOf(rows: readonly (readonly string[])[], before: Widths = []): Widths {
  const columns = Math.max(before.length, rows[0]?.length ?? 0)
  return Array.from({ length: columns }, (_, at) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(row[at] ?? '')), before[at] ?? 0),
  )
}

/** Pads each column to its width. */
function aligned(
  rows: readonly (readonly string[])[],
  { widths, isNumber = [] }: { widths: Widths; isNumber?: readonly boolean[] },
): readonly string[] {
  return rows.map((row) =>
    row
      .map((text, index) => {
        const space = ' '.repeat((widths[index] ?? 0) - widthOf(text))
        return isNumber[index] ? space + text : text + space
      })
      .join(gap)
      .trimEnd(),
  )
}
