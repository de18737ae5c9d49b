import { button, element, find } from '../page/element.ts'
import { sentenceOf } from '../page/refusal.ts'
import { AddRow } from './add-row.ts'
import { type PairActions, PairRow } from './pair-row.ts'
import type { PairValues } from './pairs.ts'

const rowsAtOnce = 200

/** The table "Key/Value pairs", always current. What the user is typing in it stays. */
export class PairsTable {
  readonly #body: HTMLTableSectionElement
  readonly #count = find('count', HTMLElement)
  readonly #notice = find('notice', HTMLElement)
  readonly #filter = find('filter', HTMLInputElement)
  readonly #more = find('more', HTMLButtonElement)
  readonly #empty = element('tr', { class: 'empty' })
  readonly #actions: PairActions
  readonly #rows = new Map<string, PairRow>()
  #add: AddRow | undefined
  #values: PairValues | undefined
  #rowsMax = rowsAtOnce

  constructor(actions: PairActions) {
    this.#actions = actions
    const [body] = find('pairs', HTMLTableElement).tBodies
    if (!body) throw new TypeError('The table has no body.')
    this.#body = body
    this.#filter.addEventListener('input', () => this.#draw())
    this.#more.addEventListener('click', () => {
      this.#rowsMax += rowsAtOnce
      this.#draw()
    })
    this.clear()
  }

  /** Empties the table for another project. */
  clear(): void {
    this.#rows.clear()
    this.#values = undefined
    this.#rowsMax = rowsAtOnce
    this.#filter.value = ''
    this.say('')
    const save = (key: string, json: string): Promise<void> => this.#save(key, json)
    const remove = (key: string): Promise<void> => this.#delete(key)
    const onBegin = (): void => this.#forgive()
    this.#add = new AddRow({ save, delete: remove, sentenceOf, onBegin })
    this.#body.replaceChildren(this.#add.element)
    this.#draw()
  }

  show(values: PairValues): void {
    if (values === this.#values) return
    const isFirst = this.#values === undefined
    this.#values = values
    this.#draw({ isFirst })
  }

  /** Shows a line above the table; `undo` puts the old value back. */
  say(sentence: string, undo?: () => void): void {
    this.#notice.replaceChildren(sentence)
    if (!undo) return
    const undoing = button('Undo', { class: 'quiet' }, undo)
    this.#notice.append(' ', undoing)
    undoing.focus()
  }

  /** Removes all errors once the user goes on. */
  #forgive(): void {
    this.#add?.forgive()
    for (const row of this.#rows.values()) row.forgive()
  }

  async #save(key: string, json: string): Promise<void> {
    await this.#actions.save(key, json)
    this.say('')
  }

  async #delete(key: string): Promise<void> {
    const before = this.#values?.get(key)
    await this.#actions.delete(key)
    const name = cut(JSON.stringify(key))
    if (before === undefined) return this.say(`${name} has no value.`)
    this.say(`Deleted ${name}.`, () => this.#putBack(key, before))
  }

  async #putBack(key: string, json: string): Promise<void> {
    try {
      await this.#save(key, json)
    } catch (error) {
      this.say(sentenceOf(error))
    }
  }

  #draw({ isFirst = false }: { isFirst?: boolean } = {}): void {
    const values: PairValues = this.#values ?? new Map()
    const keys = this.#keysToShow(values)
    const shown = keys.slice(0, this.#rowsMax)
    this.#drop(new Set(shown))
    let before: Element | null = this.#body.firstElementChild
    for (const key of shown) {
      const [row, said] = this.#rowOf(key, values.get(key) ?? '', isFirst).elements
      if (before?.nextElementSibling !== row) before?.after(row, said)
      before = said
    }
    this.#count.textContent = this.#values ? countOf(values.size) : ''
    this.#filter.hidden = values.size < 10 && this.#filter.value === ''
    this.#more.hidden = keys.length <= shown.length
    this.#more.textContent = `Show more (${keys.length - shown.length} left)`
    this.#showEmpty(keys.length === 0 && this.#values !== undefined)
  }

  #keysToShow(values: PairValues): readonly string[] {
    const wanted = this.#filter.value.toLowerCase()
    const keys = [...values.keys()]
    return wanted === '' ? keys : keys.filter((key) => key.toLowerCase().includes(wanted))
  }

  #drop(shown: ReadonlySet<string>): void {
    for (const [key, row] of this.#rows) {
      if (shown.has(key)) continue
      if (row.isEdited) row.update(this.#values?.get(key))
      else this.#remove(key, row)
    }
  }

  #remove(key: string, row: PairRow): void {
    for (const part of row.elements) part.remove()
    this.#rows.delete(key)
  }

  #rowOf(key: string, json: string, isFirst: boolean): PairRow {
    const known = this.#rows.get(key)
    if (known) {
      known.update(json)
      return known
    }
    const remove = (): Promise<void> => this.#delete(key)
    const save = (_: string, saved: string): Promise<void> => this.#save(key, saved)
    const onLeft = (): void => {
      if (!this.#values?.has(key)) this.#draw()
    }
    const onBegin = (): void => this.#forgive()
    const row = new PairRow({ key, json, save, delete: remove, sentenceOf, onBegin, onLeft })
    this.#rows.set(key, row)
    if (!isFirst) row.flash()
    return row
  }

  #showEmpty(isEmpty: boolean): void {
    this.#empty.remove()
    if (!isEmpty) return
    const hint =
      this.#filter.value === ''
        ? 'No pairs yet. Run a program, or add one.'
        : 'No key matches the filter.'
    this.#empty.replaceChildren(element('td', { colspan: '3' }, hint))
    this.#body.append(this.#empty)
  }
}

function countOf(pairs: number): string {
  return pairs === 1 ? '1 pair' : `${pairs.toLocaleString('en')} pairs`
}

function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
