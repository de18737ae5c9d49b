import type { Printed, PrintLevel } from './program-messages.ts'

const levels = {
  log: 'log',
  info: 'log',
  debug: 'log',
  warn: 'warn',
  error: 'error',
} as const satisfies Record<string, PrintLevel>

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
    for (const [name, level] of Object.entries(levels)) {
      const own = console[level]
      const print = (...args: readonly unknown[]): void => {
        own(...args)
        this.print(level, args.map(shown).join(' '))
      }
      Object.assign(console, { [name]: print })
    }
  }

  print(level: PrintLevel, text: string): void {
    const now = performance.now()
    if (now - this.#second.begunAt >= secondMs) this.#second = { begunAt: now, lines: 0 }
    this.#second.lines += 1
    const { lines } = this.#second
    if (lines < linesPerSecondMax) this.#onPrinted({ level, text: cut(text) })
    if (lines === linesPerSecondMax) {
      this.#onPrinted({ level: 'warn', text: 'WARNING: More was printed than fits here.' })
    }
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
  return (isData ? jsonOf(value) : undefined) ?? textOf(value)
}

/** Undefined for what JSON has no text for, such as what contains itself. */
function jsonOf(value: object): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return '[object Object]'
  }
}
