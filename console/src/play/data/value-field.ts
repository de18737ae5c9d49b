import { button, element } from '../page/element.ts'
import { exactJson } from './exact-json.ts'
import { type TypedValue, typedValue } from './typed-value.ts'

/** Longer values are edited in several lines: the table has no room for them in one. */
const lineLengthMax = 28
const linesMax = 8

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
    const lines = Math.ceil(value.length / lineLengthMax) + value.split('\n').length - 1
    this.input = isLong
      ? element('textarea', { ...attributes, rows: String(Math.min(lines, linesMax)) })
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
    const { message, suggestion } = typed
    if (suggestion === undefined) this.complain(message)
    else this.complain(message, ' Did you mean ', this.#suggest(suggestion), ' ?')
    return undefined
  }

  /** Shows an error, perhaps with something to press; '' removes it. */
  complain(message: string, ...more: readonly (Node | string)[]): void {
    this.#error.replaceChildren(message, ...more)
    this.input.setAttribute('aria-invalid', String(message !== ''))
    if (message !== '') this.input.focus()
  }

  #suggest(suggestion: string): HTMLButtonElement {
    const use = button('', { class: 'suggestion' }, () => {
      this.input.value = suggestion
      this.complain('')
      this.input.focus()
    })
    use.append(...exactJson(suggestion))
    return use
  }
}
