import { EngineError } from '../../core/engine/engine.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { withoutPasswords } from '../../installation/arguments/passwords.ts'

interface LogParts {
  /** Writes one line, which has its line break. */
  write(line: string): void
  /** The time of a line, in ms since 1970. */
  now(): number
  /** For windows: milliseconds that pass at the same pace whatever happens to the clock. */
  monotonic(): number
}

/** Lines of one kind within a window. */
interface Window {
  readonly endsAt: number
  written: number
  leftOut: number
  /** Says what was left out. */
  readonly about: string
}

/** Lines that share places in the log. */
interface Sort {
  /** By the kind of the lines in them. */
  readonly windows: Map<string, Window>
  readonly linesMax: number
  /** The kind of all lines that are too many to have a window each. */
  readonly others: string
}

/**
 * A log with one line for each entry. Within a minute, an event is written once, and a failure with
 * the same cause a few times. One line at the end of the minute says how many more there were.
 * Lines that strangers can make have places of their own, and can't keep out the others.
 */
export class Log {
  readonly #parts: LogParts
  readonly #usual: Sort = {
    windows: new Map(),
    linesMax: limits.logLinesMax,
    others: 'other lines',
  }
  readonly #strangers: Sort = {
    windows: new Map(),
    linesMax: limits.logStrangerLinesMax,
    others: 'other wrong tokens and keys',
  }

  constructor(parts: LogParts) {
    this.#parts = parts
  }

  add(message: string, cause: unknown, { isOfStranger } = { isOfStranger: false }): void {
    const sort = isOfStranger ? this.#strangers : this.#usual
    const kind = cause === undefined ? message : kindOf(cause)
    const repeatsMax = cause === undefined ? limits.logEventRepeatsMax : limits.logRepeatsMax
    const window = this.#windowOf(kind, sort)
    if (window.about !== sort.others && window.written < repeatsMax) {
      window.written += 1
      this.#write(cause === undefined ? message : `${message}: ${describe(cause)}`)
      return
    }
    if (window.leftOut === 0) this.#tellLater(window, sort)
    window.leftOut += 1
  }

  /** Writes how many lines were left out until now. */
  flush(): void {
    for (const { windows } of [this.#usual, this.#strangers]) {
      for (const window of windows.values()) this.#tell(window)
      windows.clear()
    }
  }

  #windowOf(kind: string, sort: Sort): Window {
    const { windows, linesMax, others } = sort
    const now = this.#parts.monotonic()
    const found = windows.get(kind)
    if (found && now < found.endsAt) return found
    if (found) this.#tell(found)
    windows.delete(kind)
    if (windows.size >= linesMax) this.#dropEnded(windows, now)
    if (windows.size >= linesMax && kind !== others) return this.#windowOf(others, sort)
    const window = { endsAt: now + limits.logWindowMs, written: 0, leftOut: 0, about: kind }
    windows.set(kind, window)
    return window
  }

  #dropEnded(windows: Map<string, Window>, now: number): void {
    for (const [kind, window] of windows) {
      if (now < window.endsAt) continue
      this.#tell(window)
      windows.delete(kind)
    }
  }

  #tellLater(window: Window, { windows }: Sort): void {
    const waitMs = Math.max(0, window.endsAt - this.#parts.monotonic())
    const timer = setTimeout(() => {
      this.#tell(window)
      if (windows.get(window.about) === window) windows.delete(window.about)
    }, waitMs)
    timer.unref()
  }

  #tell(window: Window): void {
    const { leftOut, about } = window
    if (leftOut === 0) return
    window.leftOut = 0
    this.#write(`${leftOut} more within a minute: ${about}`)
  }

  #write(text: string): void {
    const time = new Date(this.#parts.now()).toISOString()
    this.#parts.write(`${time} ${oneLine(text)}\n`)
  }
}

/** Failures with the same words in all their causes are of one kind. */
function kindOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause === undefined ? cause.message : `${cause.message} ${kindOf(cause.cause)}`
}

/** An error with its causes. Only of an error that nobody expected, the stack helps. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const isExpected = cause instanceof StorageError || cause instanceof EngineError
  const own = isExpected ? cause.message : (cause.stack ?? `${cause.name}: ${cause.message}`)
  return cause.cause === undefined ? own : `${own} | because of ${describe(cause.cause)}`
}

function oneLine(text: string): string {
  return withoutPasswords(text).replace(/\s*\n\s*/g, ' | ')
}
