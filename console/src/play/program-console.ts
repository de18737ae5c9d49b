import type { Printed, PrintLevel } from './program-messages.ts'

const names = ['log', 'info', 'debug', 'warn', 'error'] as const

const textLengthMax = 10_000
/** A program that prints in a loop must leave the page around it time to stop it. */
const linesPerSecondMax = 500
const secondMs = 1_000

/** The console of a program that runs: it goes to the page around it, and to the browser's own. */
export class ProgramConsole {
  readonly #onPrinted: (printed: Printed) => void
  #second = { begunAt: 0, lines: 0 }

  constructor(onPrinted: (printed: Printed) => void) {
    this.#onPrinted = onPrinted
  }

  takeOver(): void {
    for (const name of names) {
      const own = console[name]
      const level = name === 'warn' || name === 'error' ? name : 'log'
      console[name] = (...args: unknown[]) => {
        // The browser's own has no bound either.
        if (this.print(level, args.map(shown).join(' '))) own(...args)
      }
    }
  }

  /** False: more is printed than fits. */
  print(level: PrintLevel, text: string): boolean {
    const now = performance.now()
    if (now - this.#second.begunAt >= secondMs) this.#second = { begunAt: now, lines: 0 }
    this.#second.lines += 1
    const { lines } = this.#second
    if (lines < linesPerSecondMax) this.#onPrinted({ level, text: cut(text) })
    if (lines === linesPerSecondMax) {
      this.#onPrinted({ level: 'warn', text: 'WARNING: More was printed than fits here.' })
    }
    return lines < linesPerSecondMax
  }
}

function cut(text: string): string {
  return text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text
}

/** As a console shows it. */
function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Error) return `${value.name}: ${value.message}`
  const isData = typeof value === 'object' && value !== null
  if (!isData) return String(value)
  return jsonOf(value) ?? (Array.isArray(value) ? '[…]' : '{…}')
}

/** Undefined for what JSON has no text for, such as what contains itself. */
function jsonOf(value: object): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
