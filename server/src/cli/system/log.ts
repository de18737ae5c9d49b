import { EngineError } from '../../core/engine/engine.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { withoutPasswords } from '../../installation/arguments/passwords.ts'

interface LogParts {
  /** Writes one line, which has its line break. */
  write(line: string): void
  now(): number
}

/** Lines of one kind within a window. */
interface Window {
  readonly endsAt: number
  written: number
  leftOut: number
  /** Says what was left out. */
  readonly about: string
}

/** The window of all lines that are too many to have one each. */
const others = 'other lines'

/**
 * A log with one line for each entry. Within a minute, an event is written once, and a failure with
 * the same cause a few times. One line at the end of the minute says how many more there were.
 */
export class Log {
  readonly #parts: LogParts
  readonly #windows = new Map<string, Window>()

  constructor(parts: LogParts) {
    this.#parts = parts
  }

  add(message: string, cause: unknown): void {
    const kind = cause === undefined ? message : kindOf(cause)
    const repeatsMax = cause === undefined ? limits.logEventRepeatsMax : limits.logRepeatsMax
    const window = this.#windowOf(kind)
    if (window.about !== others && window.written < repeatsMax) {
      window.written += 1
      this.#write(cause === undefined ? message : `${message}: ${describe(cause)}`)
      return
    }
    if (window.leftOut === 0) this.#tellLater(kind, window)
    window.leftOut += 1
  }

  /** Writes how many lines were left out until now. */
  flush(): void {
    for (const window of this.#windows.values()) this.#tell(window)
    this.#windows.clear()
  }

  #windowOf(kind: string): Window {
    const now = this.#parts.now()
    const found = this.#windows.get(kind)
    if (found && now < found.endsAt) return found
    if (found) this.#tell(found)
    this.#windows.delete(kind)
    if (this.#windows.size >= limits.logLinesMax) this.#dropEnded(now)
    const isOneTooMany = this.#windows.size >= limits.logLinesMax && kind !== others
    return isOneTooMany ? this.#windowOf(others) : this.#open(kind, now)
  }

  #open(kind: string, now: number): Window {
    const endsAt = now + limits.logWindowMs
    const window = { endsAt, written: 0, leftOut: 0, about: kind }
    this.#windows.set(kind, window)
    return window
  }

  #dropEnded(now: number): void {
    for (const [kind, window] of this.#windows) {
      if (now < window.endsAt) continue
      this.#tell(window)
      this.#windows.delete(kind)
    }
  }

  #tellLater(kind: string, window: Window): void {
    const waitMs = Math.max(0, window.endsAt - this.#parts.now())
    const timer = setTimeout(() => {
      this.#tell(window)
      if (this.#windows.get(kind) === window) this.#windows.delete(kind)
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
