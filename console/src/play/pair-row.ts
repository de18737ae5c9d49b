import { button, element } from './element.ts'
import { ValueField } from './value-field.ts'

/** What becomes of a pair; both reject with Refusal. */
export interface PairActions {
  save(key: string, json: string): Promise<void>
  delete(key: string): Promise<void>
}

export interface PairRowParts extends PairActions {
  readonly key: string
  readonly json: string
  /** A sentence for whatever went wrong. */
  sentenceOf(error: unknown): string
  /** Its value is not edited any more. */
  onLeft(): void
}

/** More of a value is there when it is edited. */
const shownLengthMax = 2_000

/** The row of a pair: its value is shown, or edited. */
export class PairRow {
  readonly element: HTMLTableRowElement
  readonly #parts: PairRowParts
  readonly #value = element('td', { class: 'value' })
  readonly #actions = element('td', { class: 'actions' })
  readonly #error = element('div', { class: 'error', role: 'alert' })
  /** Undefined: the pair is gone, and the row there only as long as it is edited. */
  #json: string | undefined
  /** While it is edited: the value that editing began with. */
  #edited: { readonly from: string; readonly note: HTMLElement } | undefined

  constructor(parts: PairRowParts) {
    this.#parts = parts
    this.#json = parts.json
    const key = element('th', { scope: 'row', class: 'key' }, JSON.stringify(parts.key))
    this.element = element('tr', {}, key, this.#value, this.#actions)
    this.#show()
  }

  get isEdited(): boolean {
    return this.#edited !== undefined
  }

  /** What is there now, undefined for nothing; what is being typed stays. */
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
    // Reading it makes the browser begin anew.
    void this.element.offsetWidth
    this.element.classList.add('changed')
  }

  #noteChange({ from, note }: { readonly from: string; readonly note: HTMLElement }): void {
    const now = this.#json === undefined ? 'was deleted' : `became ${cut(this.#json)}`
    note.textContent = this.#json === from ? '' : `Meanwhile it ${now}.`
  }

  #show(): void {
    this.#edited = undefined
    this.#showValue()
    const edit = button('Edit', this.#named('Edit'), () => this.#edit())
    const remove = button('Delete', { ...this.#named('Delete'), class: 'danger' }, () =>
      this.#delete(remove),
    )
    this.#error.textContent = ''
    this.#actions.replaceChildren(edit, remove, this.#error)
  }

  #showValue(): void {
    this.#value.replaceChildren(element('code', {}, cut(this.#json ?? '')))
  }

  #edit(): void {
    const id = `edit-${crypto.getRandomValues(new Uint32Array(1))[0]}`
    const label = `Value of ${JSON.stringify(this.#parts.key)}`
    const from = this.#json ?? ''
    const field = new ValueField({ id, label, value: from })
    const note = element('div', { class: 'help', role: 'status' })
    this.#edited = { from, note }
    const save = button('Save', this.#named('Save'), () => this.#save(field, save))
    const cancel = button('Cancel', this.#named('Cancel'), () => this.#leave())
    field.input.addEventListener('keydown', ({ key, isComposing }) => {
      if (key === 'Enter' && !isComposing) this.#save(field, save)
      if (key === 'Escape') this.#leave()
    })
    this.#value.replaceChildren(...field.parts, note)
    this.#actions.replaceChildren(save, cancel)
    field.input.focus()
    field.input.select()
  }

  /** A value that is blank, `undefined` or `null` is none: the pair goes. */
  async #save(field: ValueField, save: HTMLButtonElement): Promise<void> {
    const typed = save.disabled ? undefined : field.read()
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
    remove.disabled = true
    remove.textContent = 'Deleting…'
    try {
      await this.#parts.delete(this.#parts.key)
    } catch (error) {
      remove.disabled = false
      remove.textContent = 'Delete'
      this.#error.textContent = this.#parts.sentenceOf(error)
    }
  }

  #named(action: string): { 'aria-label': string } {
    return { 'aria-label': `${action} ${JSON.stringify(this.#parts.key)}` }
  }
}

function cut(json: string): string {
  return json.length > shownLengthMax ? `${json.slice(0, shownLengthMax)}…` : json
}
