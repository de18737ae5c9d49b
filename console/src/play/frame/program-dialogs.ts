/** Dialogs that follow each other without such a pause count as a row. */
const pauseMs = 3_000
/** After so many dialogs in a row, the user is asked whether to go on. */
const dialogsBetweenQuestions = 10
/** A row ends here even if the user always goes on. */
const rowMax = 100

const names = ['alert', 'confirm', 'prompt'] as const
type DialogName = (typeof names)[number]

/**
 * Lets a program use the browser's dialogs, but not lock the page with them: while a dialog is
 * open, nobody can press Stop. So a row of dialogs can be ended, and has an end.
 */
export class ProgramDialogs {
  readonly #confirm = confirm.bind(window)
  #inRow = 0
  #lastEndedAt = Number.NEGATIVE_INFINITY
  #isOver = false

  takeOver(): void {
    for (const name of names) {
      const own = window[name]
      const show = (...args: unknown[]): unknown =>
        this.#show(name, () => Reflect.apply(own, window, args))
      Object.assign(window, { [name]: show })
    }
    window.print = () => console.warn('WARNING: print() does nothing here: use console.log().')
  }

  #show(name: DialogName, show: () => unknown): unknown {
    if (performance.now() - this.#lastEndedAt > pauseMs) this.#inRow = 0
    this.#isOver ||= this.#inRow >= rowMax || !this.#mayGoOn()
    if (this.#isOver) throw new Error(`${name}() shows no more dialogs in this run.`)
    this.#inRow += 1
    const answer = show()
    this.#lastEndedAt = performance.now()
    return answer
  }

  #mayGoOn(): boolean {
    if (this.#inRow === 0 || this.#inRow % dialogsBetweenQuestions > 0) return true
    return this.#confirm(
      `This program has shown ${this.#inRow} dialogs in a row. OK shows more, Cancel ends them.`,
    )
  }
}
