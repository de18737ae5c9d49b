import { button, element } from '../page/element.ts'
import { ChangedMeanwhile } from './careful-write.ts'
import { cut, exactCode, exactJson } from './exact-json.ts'
import type { SeenPair } from './pairs.ts'
import { ValueField } from './value-field.ts'

/**
 * What the user can do with a pair. Both reject with Refusal; with ChangedMeanwhile if the pair is
 * not as the user sees it.
 */
export interface PairActions {
  save(pair: SeenPair, json: string): Promise<void>
  delete(pair: SeenPair): Promise<void>
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

/** How many characters of a key or a value are laid out at first: more than there is room for. */
const shownLengthMax = 400
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
  readonly #shownKey = element('code', { class: 'exact' })
  readonly #shownValue = element('code', { class: 'exact' })
  readonly #toggle = button('', { class: 'quiet', hidden: '' }, () =>
    this.#showWhole(!this.#isWhole),
  )
  readonly #value = element('td', { class: 'value', role: 'cell' })
  readonly #actions = element('td', { class: 'actions', role: 'cell' })
  /** Below the row, across the whole table. */
  readonly #error = element('div', { role: 'alert' })
  readonly #errorRow = element(
    'tr',
    { class: 'said', hidden: '', role: 'row' },
    element('td', { class: 'error', colspan: '3', role: 'cell' }, this.#error),
  )
  /** Undefined: the pair is gone, and the row stays only while it is edited. */
  #json: string | undefined
  #isWhole = false
  /** Defined while the value is edited. */
  #edited: Edited | undefined

  constructor(parts: PairRowParts) {
    this.#parts = parts
    this.#json = parts.json
    const attributes = { scope: 'row', class: 'key', role: 'rowheader' }
    const key = element('th', attributes, this.#shownKey)
    this.element = element('tr', { role: 'row' }, key, this.#value, this.#actions)
    this.#show()
  }

  /** The row of the pair, and the row below it that shows an error. */
  get elements(): readonly [HTMLElement, HTMLElement] {
    return [this.element, this.#errorRow]
  }

  /** Shows who changed the pair last; undefined: nobody knows. */
  tellBy(by: string | undefined): void {
    this.#value.dataset.by = by === undefined ? '' : `changed by ${by}`
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
    else this.#showTexts()
    this.flash()
  }

  /** Whether the key or the value has no room in the table. It must be laid out. */
  get isCut(): boolean {
    return [this.#shownKey, this.#shownValue].some(
      ({ scrollWidth, clientWidth, scrollHeight, clientHeight, textContent }) =>
        scrollWidth > clientWidth || scrollHeight > clientHeight || textContent.endsWith('…'),
    )
  }

  /** Offers to show the whole pair, if there is more to show. */
  offerWhole(isCut: boolean): void {
    this.#toggle.hidden = !isCut && !this.#isWhole
  }

  /** Shows for a moment that it is new. */
  flash(): void {
    this.element.classList.remove('changed')
    // Reading the width makes the browser begin the animation again.
    void this.element.offsetWidth
    this.element.classList.add('changed')
  }

  #noteChange({ from, note }: Edited): void {
    note.replaceChildren()
    if (this.#json === from) return
    if (this.#json === undefined) note.append('Meanwhile the value was deleted. Save restores it.')
    else note.append('Meanwhile the value became ', exactCode(this.#json), '. Save replaces it.')
  }

  #show(): void {
    this.#edited = undefined
    this.#showTexts()
    this.#value.replaceChildren(this.#shownValue, this.#toggle)
    const edit = button('Edit', this.#named('Edit'), () => this.#edit())
    const remove = button('Delete', { ...this.#named('Delete'), class: 'danger' }, () =>
      this.#delete(remove),
    )
    this.#complain('')
    this.#actions.replaceChildren(edit, remove)
  }

  #showTexts(): void {
    const max = this.#isWhole ? wholeLengthMax : shownLengthMax
    this.#shownKey.replaceChildren(...exactJson(cut(JSON.stringify(this.#parts.key), max)))
    this.#shownValue.replaceChildren(...exactJson(cut(this.#json ?? '', max)))
    this.#toggle.textContent = this.#isWhole ? 'Show less' : 'Show all'
    this.#toggle.setAttribute('aria-expanded', String(this.#isWhole))
  }

  #showWhole(isWhole: boolean): void {
    this.#isWhole = isWhole
    this.element.classList.toggle('whole', isWhole)
    this.#showTexts()
  }

  #complain(...sentence: readonly (Node | string)[]): void {
    this.#error.replaceChildren(...sentence)
    this.#errorRow.hidden = this.#error.textContent === ''
  }

  #edit(): void {
    this.#parts.onBegin()
    const id = `edit-${crypto.getRandomValues(new Uint32Array(1))[0]}`
    const label = `Value of ${JSON.stringify(this.#parts.key)}`
    const from = this.#json ?? ''
    const field = new ValueField({ id, label, value: from })
    const note = element('div', { class: 'note-of-change', role: 'status' })
    this.#edited = { from, field, note }
    const save = button('Save', { ...this.#named('Save'), class: 'main' }, () =>
      this.#save(field, save),
    )
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
      if (typed.kind === 'nothing') await this.#parts.delete(this.#seen)
      else await this.#parts.save(this.#seen, typed.json)
      if (typed.kind === 'value') this.#json = typed.json
      this.#leave()
    } catch (error) {
      save.disabled = false
      save.textContent = 'Save'
      if (error instanceof ChangedMeanwhile) this.update(error.now)
      else field.complain(this.#parts.sentenceOf(error))
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
      await this.#parts.delete(this.#seen)
    } catch (error) {
      if (error instanceof ChangedMeanwhile) this.#explainChange(error.now)
      else this.#complain(this.#parts.sentenceOf(error))
    } finally {
      // The row stays if somebody else sets the pair before the table reads it again.
      remove.disabled = false
      remove.textContent = 'Delete'
    }
  }

  /** Somebody was faster. If they deleted the pair too, there is nothing to explain. */
  #explainChange(now: string | undefined): void {
    if (now === undefined) {
      this.#parts.onLeft()
      return
    }
    this.update(now)
    this.#complain('Nothing was deleted: the value has just become ', exactCode(now), '.')
  }

  get #seen(): SeenPair {
    return { key: this.#parts.key, seen: this.#json }
  }

  #named(action: string): { 'aria-label': string } {
    return { 'aria-label': `${action} ${JSON.stringify(this.#parts.key)}` }
  }
}
