import type { WriteStream } from 'node:tty'

const width = 30
const redrawMs = 100

/** A progress bar on one line, shown on a terminal only. */
export class ProgressBar {
  readonly #stream: WriteStream
  #title: string
  #drawnAt = Number.NEGATIVE_INFINITY
  #isDrawn = false

  constructor(stream: WriteStream, title: string) {
    this.#stream = stream
    this.#title = title
  }

  /** The name of the next step. A new name removes the old line. */
  set title(title: string) {
    if (title !== this.#title) this.end()
    this.#title = title
  }

  /** Without a `total` it shows only `done`. */
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

  /** Removes the line. */
  end(): void {
    if (this.#isDrawn) this.#stream.write('\r\u001b[2K')
    this.#isDrawn = false
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }
}
