import { button, element } from '../page/element.ts'
import type { PairRowParts } from './pair-row.ts'
import { ValueField } from './value-field.ts'

type AddRowParts = Pick<PairRowParts, 'save' | 'delete' | 'sentenceOf' | 'onBegin'>

/** The first row of the table: adds a pair, or replaces the value of a key. */
export class AddRow {
  readonly element: HTMLTableRowElement
  readonly #parts: AddRowParts
  readonly #key = element('input', {
    id: 'new-key',
    'aria-label': 'Key of a new pair',
    'aria-describedby': 'new-key-error',
    placeholder: 'name',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
  })
  readonly #keyError = element('div', { id: 'new-key-error', class: 'error', role: 'alert' })
  readonly #value = new ValueField({ id: 'new-value', label: 'Value of a new pair' })
  readonly #button: HTMLButtonElement

  constructor(parts: AddRowParts) {
    this.#parts = parts
    this.#button = button('Add pair', {}, () => this.#add())
    this.element = element(
      'tr',
      { class: 'add' },
      element('td', { class: 'key' }, this.#key, this.#keyError),
      element('td', { class: 'value' }, ...this.#value.parts),
      element('td', { class: 'actions' }, this.#button),
    )
    this.#key.addEventListener('input', () => this.forgive())
    this.element.addEventListener('keydown', ({ key, target, isComposing }) => {
      if (!(target instanceof HTMLInputElement)) return
      if (key === 'Enter' && !isComposing) this.#add()
      if (key === 'Escape') this.#clear()
    })
  }

  /** Removes the errors that are shown. */
  forgive(): void {
    this.#complainOfKey('')
    this.#value.complain('')
  }

  /** Saves the pair, which needs a key. A blank value deletes the pair of that key. */
  async #add(): Promise<void> {
    if (this.#button.disabled) return
    this.#parts.onBegin()
    const key = this.#key.value
    if (key === '') return this.#complainOfKey('Type a key first.')
    const typed = this.#value.read()
    if (!typed) return
    this.#button.disabled = true
    this.#button.textContent = 'Adding'
    try {
      if (typed.kind === 'nothing') await this.#parts.delete(key)
      else await this.#parts.save(key, typed.json)
      this.#clear()
      this.#key.focus()
    } catch (error) {
      this.#value.complain(this.#parts.sentenceOf(error))
    } finally {
      this.#button.disabled = false
      this.#button.textContent = 'Add pair'
    }
  }

  #complainOfKey(sentence: string): void {
    this.#keyError.textContent = sentence
    this.#key.setAttribute('aria-invalid', String(sentence !== ''))
    if (sentence !== '') this.#key.focus()
  }

  #clear(): void {
    this.#key.value = ''
    this.#value.input.value = ''
    this.forgive()
  }
}
