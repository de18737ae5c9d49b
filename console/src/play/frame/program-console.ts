import type { Printed, PrintLevel } from './program-messages.ts'
import { shown, shownText } from './shown-text.ts'

const names = ['log', 'info', 'debug', 'warn', 'error'] as const

const textLengthMax = 10_000
/** Groups that are nested deeper are not indented further. */
const depthMax = 20
/** If a program prints in a loop, the page around it still needs time to stop it. */
const linesPerSecondMax = 500
const secondMs = 1_000

/** The console of a program: it prints to the page around it, and to the browser's own console. */
export class ProgramConsole {
  readonly #onPrinted: (printed: Printed) => void
  readonly #onCleared: () => void
  readonly #counts = new Map<string, number>()
  #second = { begunAt: 0, lines: 0 }
  /** How many groups are open. */
  #depth = 0

  constructor(onPrinted: (printed: Printed) => void, onCleared: () => void) {
    this.#onPrinted = onPrinted
    this.#onCleared = onCleared
  }

  takeOver(): void {
    for (const name of names) {
      const own = console[name]
      const level = name === 'warn' || name === 'error' ? name : 'log'
      console[name] = (...args: unknown[]) => {
        // The browser's own console has no limit, so it gets no more lines either.
        if (this.#printInGroup(level, shownText(args))) own(...args)
      }
    }
    const log = (...args: unknown[]): void => console.log(...args)
    const group = (...args: unknown[]): void => {
      if (args.length > 0) log(...args)
      this.#depth += 1
    }
    Object.assign(console, {
      dir: (value: unknown) => log(value),
      dirxml: log,
      table: (rows: unknown) => this.#table(rows),
      assert: (isSo: unknown, ...args: unknown[]) => isSo || this.#printFailed(args),
      count: (label: unknown = 'default') => this.#count(String(label)),
      countReset: (label: unknown = 'default') => this.#counts.delete(String(label)),
      group,
      groupCollapsed: group,
      groupEnd: () => {
        this.#depth = Math.max(this.#depth - 1, 0)
      },
      clear: () => this.#clear(),
    })
  }

  /** Prints each row as a line. */
  #table(rows: unknown): void {
    const isList = typeof rows === 'object' && rows !== null
    if (!isList) console.log(rows)
    for (const [name, row] of isList ? Object.entries(rows) : [])
      console.log(`${name}: ${shown(row)}`)
  }

  #printFailed(args: readonly unknown[]): void {
    const text = shownText(args)
    console.error(text === '' ? 'Assertion failed' : `Assertion failed: ${text}`)
  }

  #count(label: string): void {
    const count = (this.#counts.get(label) ?? 0) + 1
    this.#counts.set(label, count)
    console.log(`${label}: ${count}`)
  }

  #clear(): void {
    this.#depth = 0
    this.#onCleared()
  }

  #printInGroup(level: PrintLevel, text: string): boolean {
    const indent = '  '.repeat(Math.min(this.#depth, depthMax))
    return this.print(level, text.replace(/^/gm, indent))
  }

  /** Prints a line. Returns false if the program prints too many lines and this one is left out. */
  print(level: PrintLevel, text: string): boolean {
    const now = performance.now()
    if (now - this.#second.begunAt >= secondMs) this.#second = { begunAt: now, lines: 0 }
    this.#second.lines += 1
    const { lines } = this.#second
    if (lines < linesPerSecondMax) this.#onPrinted({ level, text: cut(text) })
    if (lines === linesPerSecondMax) {
      this.#onPrinted({
        level: 'warn',
        text: 'WARNING: The program prints too many lines. Some are left out.',
      })
    }
    return lines < linesPerSecondMax
  }
}

function cut(text: string): string {
  return text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text
}
