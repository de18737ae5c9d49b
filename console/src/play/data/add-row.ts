import { button, element } from '../page/element.ts'
import { ChangedMeanwhile } from './careful-write.ts'
import { exactCode } from './exact-json.ts'
import type { PairRowParts } from './pair-row.ts'
import type { TypedValue } from './typed-value.ts'
import { ValueField } from './value-field.ts'

type AddRowParts = Pick<PairRowParts, 'save' | 'delete' | 'sentenceOf' | 'onBegin'> & {
  /** The value that the table shows, as JSON; undefined: none. */
  shownValue(key: string): string | undefined
}

type WantedValue = Exclude<TypedValue, { kind: 'mistake' }>

/** The first row of the table: adds a pair, or replaces the value of a key after a question. */
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
    this.#button = button('Add pair', { class: 'main' }, () => this.#add())
    this.element = element(
      'tr',
      { class: 'add', role: 'row' },
      element('td', { class: 'key', role: 'cell' }, this.#key, this.#keyError),
      element('td', { class: 'value', role: 'cell' }, ...this.#value.parts),
      element('td', { class: 'actions', role: 'cell' }, this.#button),
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
    const wanted = this.#value.read()
    if (!wanted) return
    const seen = wanted.kind === 'nothing' ? this.#parts.shownValue(key) : undefined
    await this.#change({ key, seen, wanted })
  }

  /** Changes the pair if it still is as `seen`; else asks. */
  async #change(change: {
    readonly key: string
    readonly seen: string | undefined
    readonly wanted: WantedValue
  }): Promise<void> {
    this.#button.disabled = true
    this.#button.textContent = 'Saving…'
    try {
      if (change.wanted.kind === 'nothing') await this.#parts.delete(change)
      else await this.#parts.save(change, change.wanted.json)
      this.#clear()
      this.#key.focus()
    } catch (error) {
      if (error instanceof ChangedMeanwhile) this.#ask(change, error.now)
      else this.#value.complain(this.#parts.sentenceOf(error))
    } finally {
      this.#button.disabled = false
      this.#button.textContent = 'Add pair'
    }
  }

  /** Asks before a value that is there is replaced or deleted. */
  #ask({ key, wanted }: { key: string; wanted: WantedValue }, now: string | undefined): void {
    if (wanted.kind === 'value' && now === wanted.json) {
      this.#clear()
      return
    }
    const label = wanted.kind === 'value' ? 'Replace it' : 'Delete it'
    const goOn = button(label, { class: 'offer' }, () => this.#change({ key, seen: now, wanted }))
    const shown = now === undefined ? 'no value' : exactCode(now)
    this.#value.complain('The key ', exactCode(JSON.stringify(key)), ' has ', shown, '. ', goOn)
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
