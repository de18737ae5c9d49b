import { button, element } from '../page/element.ts'
import { type TypedValue, typedValue } from './typed-value.ts'

/** Longer values are edited in several lines. */
const lineLengthMax = 60

/** A field for a value, with its error below. What the user typed stays. */
export class ValueField {
  readonly input: HTMLInputElement | HTMLTextAreaElement
  /** The field, and the place for its error. */
  readonly parts: readonly HTMLElement[]
  readonly #error: HTMLElement

  constructor({ id, label, value = '' }: { id: string; label: string; value?: string }) {
    const errorId = `${id}-error`
    const attributes = {
      id,
      'aria-label': label,
      'aria-describedby': errorId,
      placeholder: '5 or "text"',
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
    }
    const isLong = value.length > lineLengthMax || value.includes('\n')
    this.input = isLong
      ? element('textarea', { ...attributes, rows: '6' })
      : element('input', attributes)
    this.input.value = value
    this.input.addEventListener('input', () => this.complain(''))
    this.#error = element('div', { id: errorId, class: 'error', role: 'alert' })
    this.parts = [this.input, this.#error]
  }

  /** Reads the field. Undefined if the text is a mistake, which is then shown. */
  read(): Exclude<TypedValue, { kind: 'mistake' }> | undefined {
    this.complain('')
    const typed = typedValue(this.input.value)
    if (typed.kind !== 'mistake') return typed
    this.complain(typed.message, typed.suggestion)
    return undefined
  }

  /** Shows an error; '' removes it. */
  complain(message: string, suggestion?: string): void {
    this.#error.replaceChildren(message)
    this.input.setAttribute('aria-invalid', String(message !== ''))
    if (message !== '') this.input.focus()
    if (suggestion === undefined) return
    const use = button(suggestion, { class: 'suggestion' }, () => {
      this.input.value = suggestion
      this.complain('')
      this.input.focus()
    })
    this.#error.append(' Did you mean ', use, ' ?')
  }
}
