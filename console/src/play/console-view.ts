import { button, element } from './element.ts'
import type { Printed } from './program-messages.ts'

const linesMax = 1_000

/** The program's console: the newest lines, at the end. */
export class ConsoleView {
  readonly #place: HTMLElement
  readonly #onLine: (line: number) => void

  /** `onLine`: somebody wants to see that line of the program. */
  constructor(place: HTMLElement, onLine: (line: number) => void) {
    this.#place = place
    this.#onLine = onLine
  }

  print({ level, text }: Printed): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#place
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - 8
    this.#place.append(element('div', { class: `line ${level}` }, ...this.#parts(text)))
    if (this.#place.childElementCount > linesMax) this.#place.firstElementChild?.remove()
    if (isAtEnd) this.#place.scrollTop = this.#place.scrollHeight
  }

  clear(): void {
    this.#place.replaceChildren()
  }

  /** Where it names a line, that leads there. */
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

/** What a warning or an error says of a line of the program. */
export function saidOfLine(
  text: string,
): { line: number; before: string; name: string; after: string } | undefined {
  const [, before, name, digits, after] =
    /^(WARNING: |ERROR: )(Line: (\d+))(: .*)$/s.exec(text) ?? []
  if (before === undefined || name === undefined || after === undefined) return undefined
  return { line: Number(digits), before, name, after }
}
