import type { Printed } from '../frame/program-messages.ts'
import { button, element } from '../page/element.ts'

const linesMax = 1_000
const frameMs = 16
/** A user who has scrolled this close to the end wants to see new lines. */
const nearPixels = 8

/** A line, and how often it came in a row. */
interface ShownLine extends Printed {
  readonly times: HTMLElement
  count: number
}

/** The program's console: shows the newest lines. */
export class ConsoleView {
  readonly #place: HTMLElement
  readonly #onLine: (line: number) => void
  /** Lines that wait to be shown: the browser lays out many of them at once. */
  #waiting: Printed[] = []
  #timer: number | undefined
  #last: ShownLine | undefined

  /** `onLine`: the user wants to see this line of the program. */
  constructor(place: HTMLElement, onLine: (line: number) => void) {
    this.#place = place
    this.#onLine = onLine
  }

  print(printed: Printed): void {
    this.#waiting.push(printed)
    this.#timer ??= setTimeout(() => this.#show(), frameMs)
  }

  /** Shows all waiting lines now: none may come after the end of a program. */
  flush(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#show()
  }

  /** Sets the text that an empty console shows. */
  hint(sentence: string): void {
    this.#place.dataset.hint = sentence
  }

  clear(): void {
    this.#waiting = []
    this.#last = undefined
    this.#place.replaceChildren()
  }

  #show(): void {
    this.#timer = undefined
    const { scrollTop, scrollHeight, clientHeight } = this.#place
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - nearPixels
    const waiting = this.#waiting
    this.#waiting = []
    this.#place.append(...waiting.flatMap((printed) => this.#newLine(printed)).slice(-linesMax))
    while (this.#place.childElementCount > linesMax) this.#place.firstElementChild?.remove()
    if (isAtEnd) this.#place.scrollTop = this.#place.scrollHeight
  }

  /** Empty if the line repeats the last one. */
  #newLine({ level, text }: Printed): readonly HTMLElement[] {
    if (this.#last?.level === level && this.#last.text === text) return this.#repeat(this.#last)
    const times = element('span', { class: 'times' })
    const line = element('div', { class: `line ${level}` }, ...this.#parts(text), times)
    this.#last = { level, text, times, count: 1 }
    return [line]
  }

  #repeat(line: ShownLine): readonly [] {
    line.count += 1
    line.times.textContent = `×${line.count}`
    return []
  }

  /** Turns the number of a line into a link to that line. */
  #parts(text: string): readonly (Node | string)[] {
    const said = saidOfLine(text)
    if (!said) return [text]
    const { line, before, name, after } = said
    const link = button(name, { class: 'to-line', title: 'Show this line' }, () => {
      this.#onLine(line)
    })
    return [before, link, after]
  }
}

/** Finds the line of the program that a warning or an error names. */
export function saidOfLine(
  text: string,
): { line: number; before: string; name: string; after: string } | undefined {
  const [, before, name, digits, after] =
    /^(WARNING: |ERROR: )(Line: (\d+))(: .*)$/s.exec(text) ?? []
  if (before === undefined || name === undefined || after === undefined) return undefined
  return { line: Number(digits), before, name, after }
}
