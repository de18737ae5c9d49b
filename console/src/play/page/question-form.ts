import { sentenceOf } from './refusal.ts'

/** A form that asks for one text. An error is shown below the field. */
export class QuestionForm {
  readonly #form: HTMLFormElement
  readonly #input: HTMLInputElement
  readonly #error: HTMLElement

  /** `onAnswer` may reject with Refusal. */
  constructor(form: HTMLFormElement, onAnswer: (text: string) => Promise<void>) {
    this.#form = form
    const input = form.querySelector('input')
    const error = form.querySelector('.error')
    if (!input || !(error instanceof HTMLElement)) throw new TypeError('The form has no field.')
    this.#input = input
    this.#error = error
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#answer(onAnswer)
    })
  }

  /** Shows an error; '' removes it. */
  complain(sentence: string): void {
    this.#error.textContent = sentence
    this.#input.setAttribute('aria-invalid', String(sentence !== ''))
    if (sentence !== '') this.#input.focus()
  }

  async #answer(onAnswer: (text: string) => Promise<void>): Promise<void> {
    const text = this.#input.value.trim()
    if (text === '') return this.complain('Type something here first.')
    const submit = this.#form.querySelector<HTMLButtonElement>('[type=submit]')
    if (submit?.disabled) return
    if (submit) submit.disabled = true
    this.complain('')
    try {
      await onAnswer(text)
    } catch (error) {
      this.complain(sentenceOf(error))
    } finally {
      if (submit) submit.disabled = false
    }
  }
}
