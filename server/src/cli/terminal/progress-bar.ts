import type { WriteStream } from 'node:tty'

const width = 30
const redrawMs = 100

/** A line that fills up, on a terminal only. */
export class ProgressBar {
  readonly #stream: WriteStream
  #title: string
  #drawnAt = Number.NEGATIVE_INFINITY
  #isDrawn = false

  constructor(stream: WriteStream, title: string) {
    this.#stream = stream
    this.#title = title
  }

  /** What is done next. */
  set title(title: string) {
    if (title !== this.#title) this.end()
    this.#title = title
  }

  /** Without a `total` it tells only that it goes on. */
  show(done: number, total: number | undefined): void {
    const now = performance.now()
    if (!this.#stream.isTTY || now - this.#drawnAt < redrawMs) return
    this.#drawnAt = now
    this.#isDrawn = true
    if (total === undefined) {
      this.#stream.write(`\r${this.#title} (${done})`)
      return
    }
    const part = total === 0 ? 1 : Math.min(1, done / total)
    const full = Math.round(part * width)
    const bar = '█'.repeat(full) + '░'.repeat(width - full)
    this.#stream.write(`\r${this.#title} ${bar} ${Math.floor(part * 100)} % (${done})`)
  }

  /** Takes the line away again. */
  end(): void {
    if (this.#isDrawn) this.#stream.write('\r\u001b[2K')
    this.#isDrawn = false
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }
}
