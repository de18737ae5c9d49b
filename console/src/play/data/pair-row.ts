import { button, element } from '../page/element.ts'
import { ValueField } from './value-field.ts'

/** What the user can do with a pair; both reject with Refusal. */
export interface PairActions {
  save(key: string, json: string): Promise<void>
  delete(key: string): Promise<void>
}

export interface PairRowParts extends PairActions {
  readonly key: string
  readonly json: string
  /** The sentence for an error. */
  sentenceOf(error: unknown): string
  /** The user begins something: older errors are over. */
  onBegin(): void
  /** The user has stopped editing the value. */
  onLeft(): void
}

/** How many characters of a value are shown at first. */
const shownLengthMax = 160
/**
 * How many characters are shown on request. Editing shows all: browsers lay out long texts slowly.
 */
const wholeLengthMax = 20_000

interface Edited {
  readonly from: string
  readonly field: ValueField
  readonly note: HTMLElement
}

/** The row of a pair: its value is shown, or edited. */
export class PairRow {
  readonly element: HTMLTableRowElement
  readonly #parts: PairRowParts
  readonly #value = element('td', { class: 'value' })
  readonly #actions = element('td', { class: 'actions' })
  /** Below the row, across the whole table. */
  readonly #error = element('td', { class: 'error', colspan: '3', role: 'alert' })
  readonly #errorRow = element('tr', { class: 'said', hidden: '' }, this.#error)
  /** Undefined: the pair is gone, and the row stays only while it is edited. */
  #json: string | undefined
  #isWhole = false
  /** Defined while the value is edited. */
  #edited: Edited | undefined

  constructor(parts: PairRowParts) {
    this.#parts = parts
    this.#json = parts.json
    const key = element('th', { scope: 'row', class: 'key' }, JSON.stringify(parts.key))
    this.element = element('tr', {}, key, this.#value, this.#actions)
    this.#show()
  }

  /** The row of the pair, and the row below it that shows an error. */
  get elements(): readonly [HTMLElement, HTMLElement] {
    return [this.element, this.#errorRow]
  }

  /** Removes the error that is shown. */
  forgive(): void {
    this.#complain('')
    this.#edited?.field.complain('')
  }

  get isEdited(): boolean {
    return this.#edited !== undefined
  }

  /** Takes the current value; undefined if there is none. What the user is typing stays. */
  update(json: string | undefined): void {
    if (json === this.#json) return
    this.#json = json
    if (this.#edited) this.#noteChange(this.#edited)
    // The buttons stay: one of them may have the focus.
    else this.#showValue()
    this.flash()
  }

  /** Shows for a moment that it is new. */
  flash(): void {
    this.element.classList.remove('changed')
    // Reading the width makes the browser begin the animation again.
    void this.element.offsetWidth
    this.element.classList.add('changed')
  }

  #noteChange({ from, note }: Edited): void {
    const now =
      this.#json === undefined ? 'was deleted' : `became ${cut(this.#json, shownLengthMax)}`
    note.textContent = this.#json === from ? '' : `Meanwhile the value ${now}.`
  }

  #show(): void {
    this.#edited = undefined
    this.#showValue()
    const edit = button('Edit', this.#named('Edit'), () => this.#edit())
    const remove = button('Delete', { ...this.#named('Delete'), class: 'danger' }, () =>
      this.#delete(remove),
    )
    this.#complain('')
    this.#actions.replaceChildren(edit, remove)
  }

  #showValue(): void {
    const json = this.#json ?? ''
    const max = this.#isWhole ? wholeLengthMax : shownLengthMax
    this.#value.replaceChildren(element('code', {}, cut(json, max)))
    if (json.length <= shownLengthMax) return
    const named = { class: 'quiet', 'aria-expanded': String(this.#isWhole) }
    const toggle = button(this.#isWhole ? 'Show less' : 'Show all', named, () => {
      this.#isWhole = !this.#isWhole
      this.#showValue()
      this.#value.querySelector('button')?.focus()
    })
    this.#value.append(toggle)
  }

  #complain(sentence: string): void {
    this.#error.textContent = sentence
    this.#errorRow.hidden = sentence === ''
  }

  #edit(): void {
    this.#parts.onBegin()
    const id = `edit-${crypto.getRandomValues(new Uint32Array(1))[0]}`
    const label = `Value of ${JSON.stringify(this.#parts.key)}`
    const from = this.#json ?? ''
    const field = new ValueField({ id, label, value: from })
    const note = element('div', { class: 'help', role: 'status' })
    this.#edited = { from, field, note }
    const save = button('Save', this.#named('Save'), () => this.#save(field, save))
    const cancel = button('Cancel', this.#named('Cancel'), () => this.#leave())
    const onKey = (event: KeyboardEvent): void => this.#onKey(event, () => this.#save(field, save))
    const input: HTMLElement = field.input
    input.addEventListener('keydown', onKey)
    this.#value.replaceChildren(...field.parts, note)
    this.#actions.replaceChildren(save, cancel)
    field.input.focus()
    field.input.select()
  }

  /** Shift-Enter is a line break, if the field has several lines. */
  #onKey(event: KeyboardEvent, save: () => void): void {
    const { key, isComposing, shiftKey } = event
    if (key === 'Escape') this.#leave()
    if (key !== 'Enter' || isComposing || shiftKey) return
    event.preventDefault()
    save()
  }

  /** Saves the value. A blank value, `undefined` and `null` delete the pair. */
  async #save(field: ValueField, save: HTMLButtonElement): Promise<void> {
    if (save.disabled) return
    this.#parts.onBegin()
    const typed = field.read()
    if (!typed) return
    save.disabled = true
    save.textContent = 'Saving…'
    try {
      if (typed.kind === 'nothing') await this.#parts.delete(this.#parts.key)
      else await this.#parts.save(this.#parts.key, typed.json)
      if (typed.kind === 'value') this.#json = typed.json
      this.#leave()
    } catch (error) {
      save.disabled = false
      save.textContent = 'Save'
      field.complain(this.#parts.sentenceOf(error))
    }
  }

  #leave(): void {
    const hadFocus = this.element.contains(document.activeElement)
    this.#show()
    if (hadFocus) this.#actions.querySelector('button')?.focus()
    this.#parts.onLeft()
  }

  async #delete(remove: HTMLButtonElement): Promise<void> {
    this.#parts.onBegin()
    remove.disabled = true
    remove.textContent = 'Deleting…'
    try {
      await this.#parts.delete(this.#parts.key)
    } catch (error) {
      remove.disabled = false
      remove.textContent = 'Delete'
      this.#complain(this.#parts.sentenceOf(error))
    }
  }

  #named(action: string): { 'aria-label': string } {
    return { 'aria-label': `${action} ${JSON.stringify(this.#parts.key)}` }
  }
}

function cut(json: string, lengthMax: number): string {
  return json.length > lengthMax ? `${json.slice(0, lengthMax)}…` : json
}
