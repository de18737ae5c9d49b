import { button, element } from '../page/element.ts'
import { type TypedValue, typedValue } from './typed-value.ts'

/** What is longer is edited in several lines. */
const lineLengthMax = 60

/** A field for a value, with what is wrong with it beneath. What was typed stays. */
export class ValueField {
  readonly input: HTMLInputElement | HTMLTextAreaElement
  /** The field and the place for what is wrong with it. */
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

  /** Undefined where it is a mistake, which is said. */
  read(): Exclude<TypedValue, { kind: 'mistake' }> | undefined {
    this.complain('')
    const typed = typedValue(this.input.value)
    if (typed.kind !== 'mistake') return typed
    this.complain(typed.message, typed.suggestion)
    return undefined
  }

  /** '' is no complaint. */
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
