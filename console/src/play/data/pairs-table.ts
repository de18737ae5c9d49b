import { element, find } from '../page/element.ts'
import { isOutage, sentenceOf } from '../page/refusal.ts'
import { AddRow } from './add-row.ts'
import { Deletions } from './deletions.ts'
import { exactCode } from './exact-json.ts'
import { type PairActions, PairRow } from './pair-row.ts'
import type { PairValues, SeenPair } from './pairs.ts'
import type { ChangedBy } from './pairs-watch.ts'

const rowsAtOnce = 200
/** How many pairs are remembered with who changed them. */
const toldMax = 10_000
/** How people call the doors. */
const names: Readonly<Record<string, string>> = {
  applab: 'a page',
  apify: "Apify's API",
  nemesis: 'a NemesisDB client',
  coatcheck: "Coatcheck's API",
  cli: 'the command line',
}
/** With fewer pairs than this, one sees all of them. */
const pairsToFilterMin = 10

/** The table "Key/Value pairs", always current. What the user is typing in it stays. */
export class PairsTable {
  readonly #body: HTMLTableSectionElement
  readonly #count = find('count', HTMLElement)
  readonly #notice = find('notice', HTMLElement)
  readonly #filter = find('filter', HTMLInputElement)
  readonly #more = find('more', HTMLButtonElement)
  readonly #empty = element('tr', { class: 'empty', role: 'row' })
  readonly #actions: PairActions
  readonly #deletions: Deletions
  readonly #rows = new Map<string, PairRow>()
  /** Who changed each pair last, as far as this page was told. */
  readonly #by = new Map<string, string>()
  #add: AddRow | undefined
  #values: PairValues | undefined
  #rowsMax = rowsAtOnce
  #projectId = ''
  /** The key that the notice says has no value. */
  #missing: string | undefined
  /** Whether an error is shown that is over when the server answers again. */
  #hadOutage = false

  constructor(actions: PairActions) {
    this.#actions = actions
    const table = find('pairs', HTMLTableElement)
    keepRoles(table)
    const [body] = table.tBodies
    if (!body) throw new TypeError('The table has no body.')
    this.#body = body
    this.#deletions = new Deletions(find('deletions', HTMLElement), (pair, json) =>
      this.#save(pair, json),
    )
    this.#filter.addEventListener('input', () => this.#draw())
    this.#more.addEventListener('click', () => {
      this.#rowsMax += rowsAtOnce
      this.#draw()
    })
    // How much of a value there is room for changes with the width.
    new ResizeObserver(() => this.#offerWhole()).observe(table)
    this.open('')
  }

  /** Empties the table for a project. */
  open(projectId: string): void {
    this.#rows.clear()
    this.#by.clear()
    this.#values = undefined
    this.#rowsMax = rowsAtOnce
    this.#filter.value = ''
    this.#projectId = projectId
    this.#deletions.open(projectId)
    this.#add = new AddRow({
      save: async (pair, json) => {
        await this.#save(pair, json)
        if (projectId === this.#projectId && !this.#isWanted(pair.key)) this.#filter.value = ''
      },
      delete: (pair) => this.#delete(pair),
      sentenceOf: (error) => this.#sentenceOf(error),
      onBegin: () => this.#forgive(),
      shownValue: (key) => this.#values?.get(key),
    })
    this.#body.replaceChildren(this.#add.element)
    this.#forgive()
    this.#draw()
  }

  /** Somebody has changed a pair. */
  tell(key: string, { door, username }: ChangedBy): void {
    const by = byWords({ door, username })
    if (this.#by.size >= toldMax) this.#by.clear()
    this.#by.set(key, by)
    this.#rows.get(key)?.tellBy(by)
  }

  show(values: PairValues): void {
    if (this.#hadOutage) this.#forgive()
    this.#deletions.show(values)
    if (this.#missing !== undefined && values.has(this.#missing)) this.say('')
    if (values === this.#values) return
    const older = this.#values
    this.#values = values
    this.#draw(older)
  }

  /** Shows a line above the table; '' removes it. */
  say(...sentence: readonly (Node | string)[]): void {
    this.#missing = undefined
    this.#notice.replaceChildren(...sentence)
  }

  /** Says so until there is one. */
  sayNoValue(key: string): void {
    this.say(exactCode(JSON.stringify(key)), ' has no value.')
    this.#missing = key
  }

  /** Removes all errors and the notice once the user goes on. */
  #forgive(): void {
    this.#hadOutage = false
    this.say('')
    this.#add?.forgive()
    for (const row of this.#rows.values()) row.forgive()
  }

  #sentenceOf(error: unknown): string {
    this.#hadOutage ||= isOutage(error)
    return sentenceOf(error)
  }

  async #save(pair: SeenPair, json: string): Promise<void> {
    const projectId = this.#projectId
    await this.#actions.save(pair, json)
    // The user may have opened another project meanwhile.
    if (projectId !== this.#projectId) return
    if (this.#values?.has(pair.key)) this.#values = new Map(this.#values).set(pair.key, json)
    this.say('')
  }

  async #delete(pair: SeenPair): Promise<void> {
    const projectId = this.#projectId
    await this.#actions.delete(pair)
    if (pair.seen !== undefined) this.#deletions.add(projectId, { key: pair.key, json: pair.seen })
    else if (projectId === this.#projectId) this.sayNoValue(pair.key)
  }

  /** Shows for a moment which pairs are not among the older ones. */
  #draw(older: PairValues | undefined = this.#values): void {
    const values: PairValues = this.#values ?? new Map()
    const keys = [...values.keys()].filter((key) => this.#isWanted(key))
    const shown = keys.slice(0, this.#rowsMax)
    this.#drop(new Set(shown))
    let before: Element | null = this.#body.firstElementChild
    for (const key of shown) {
      const pairRow = this.#rowOf(key, values.get(key) ?? '')
      const [row, said] = pairRow.elements
      if (older?.has(key) === false) pairRow.flash()
      if (before?.nextElementSibling !== row) before?.after(row, said)
      before = said
    }
    this.#count.textContent = this.#values ? countOf(keys.length, values.size) : ''
    this.#filter.hidden = values.size < pairsToFilterMin && this.#filter.value === ''
    this.#more.hidden = keys.length <= shown.length
    this.#more.textContent = `Show more (${keys.length - shown.length} left)`
    this.#showEmpty(keys.length === 0 && this.#values !== undefined)
    this.#offerWhole()
  }

  #isWanted(key: string): boolean {
    return key.toLowerCase().includes(this.#filter.value.toLowerCase())
  }

  /** Measures all rows before it changes any: so the browser lays them out only once. */
  #offerWhole(): void {
    const rows = [...this.#rows.values()]
    const areCut = rows.map((row) => row.isCut)
    for (const [index, row] of rows.entries()) row.offerWhole(areCut[index] === true)
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

  #rowOf(key: string, json: string): PairRow {
    const known = this.#rows.get(key)
    if (known) {
      known.update(json)
      return known
    }
    const row = new PairRow({
      key,
      json,
      save: (pair, saved) => this.#save(pair, saved),
      delete: (pair) => this.#delete(pair),
      sentenceOf: (error) => this.#sentenceOf(error),
      onBegin: () => this.#forgive(),
      onLeft: () => this.#draw(),
    })
    row.tellBy(this.#by.get(key))
    this.#rows.set(key, row)
    return row
  }

  #showEmpty(isEmpty: boolean): void {
    this.#empty.remove()
    if (!isEmpty) return
    const hint =
      this.#filter.value === ''
        ? 'No pairs yet. Run a program, or add one.'
        : 'No key matches the filter.'
    this.#empty.replaceChildren(element('td', { colspan: '3', role: 'cell' }, hint))
    this.#body.append(this.#empty)
  }
}

function byWords({ door = '', username }: ChangedBy): string {
  const way = names[door]
  if (!username) return way ?? 'somebody'
  // The door of pages is the one that this table uses too.
  return way === undefined || door === 'applab' ? username : `${username}, through ${way}`
}

/** On phones, where it is laid out in another way, browsers would not know that it is a table. */
function keepRoles(table: HTMLTableElement): void {
  const roles = { thead: 'rowgroup', tbody: 'rowgroup', tr: 'row', th: 'columnheader' }
  table.setAttribute('role', 'table')
  for (const [name, role] of Object.entries(roles)) {
    for (const part of table.querySelectorAll(name)) part.setAttribute('role', role)
  }
}

function countOf(shown: number, all: number): string {
  const pairs = all === 1 ? '1 pair' : `${all.toLocaleString('en')} pairs`
  return shown === all ? pairs : `${shown.toLocaleString('en')} of ${pairs}`
}
