import { button, element, find } from '../page/element.ts'
import { sentenceOf } from '../page/refusal.ts'
import { ChangedMeanwhile } from './careful-write.ts'
import { exactCode } from './exact-json.ts'
import type { PairValues, SeenPair } from './pairs.ts'

/** How long a deletion can be undone here. */
const keptMs = 10 * 60_000
const keptMax = 100

/** Puts a value back; rejects with Refusal. */
export type PutBack = (pair: SeenPair, json: string) => Promise<void>

/** A pair that the user has deleted, in a line of its own. */
interface Deletion {
  readonly projectId: string
  readonly key: string
  readonly json: string
  /** As of `performance.now()`. */
  readonly at: number
  readonly line: HTMLElement
  /** Whether the table was seen without the value since. */
  isGone: boolean
  /** The value that is there now, and that the line shows. */
  now: string | undefined
}

/** The deletions of the last minutes, the newest first. Each can be undone by itself. */
export class Deletions {
  readonly #place: HTMLElement
  readonly #putBack: PutBack
  readonly #byProject = new Map<string, readonly Deletion[]>()
  #projectId = ''

  constructor(place: HTMLElement, putBack: PutBack) {
    this.#place = place
    this.#putBack = putBack
  }

  /** Shows the deletions of a project in place of those of another one. */
  open(projectId: string): void {
    this.#projectId = projectId
    this.#draw()
  }

  /** `projectId` is where the pair was deleted: another project may be shown by now. */
  add(projectId: string, { key, json }: Pick<Deletion, 'key' | 'json'>): void {
    const line = element('li', {})
    const at = performance.now()
    const deletion = { projectId, key, json, at, line, isGone: false, now: undefined }
    this.#byProject.set(projectId, [deletion, ...this.#of(projectId)].slice(0, keptMax))
    this.#write(deletion)
    this.#draw()
    if (isFocusFree()) line.querySelector('button')?.focus()
  }

  /** Takes the current pairs: what is back need not be undone any more. */
  show(values: PairValues): void {
    for (const deletion of this.#all) {
      const now = values.get(deletion.key)
      if (now !== deletion.json) deletion.isGone = true
      else if (deletion.isGone) this.#forget(deletion)
      // Before that, the pairs may be older than the deletion.
      if (deletion.isGone && now !== deletion.now) this.#showNow(deletion, now)
    }
    this.#draw()
  }

  get #all(): readonly Deletion[] {
    return this.#of(this.#projectId)
  }

  #of(projectId: string): readonly Deletion[] {
    return this.#byProject.get(projectId) ?? []
  }

  #forget(forgotten: Deletion): void {
    const { projectId } = forgotten
    this.#byProject.set(
      projectId,
      this.#of(projectId).filter((deletion) => deletion !== forgotten),
    )
  }

  #draw(): void {
    const oldest = performance.now() - keptMs
    for (const deletion of this.#all) if (deletion.at < oldest) this.#forget(deletion)
    const lines = this.#all.map(({ line }) => line)
    const isSame = lines.every((line, index) => this.#place.children[index] === line)
    if (isSame && lines.length === this.#place.childElementCount) return
    this.#place.replaceChildren(...lines)
  }

  #showNow(deletion: Deletion, now: string | undefined): void {
    const hadFocus = deletion.line.contains(document.activeElement)
    deletion.now = now
    this.#write(deletion)
    if (hadFocus) deletion.line.querySelector('button')?.focus()
  }

  #write(deletion: Deletion, trouble = ''): void {
    const { key, json, now, line } = deletion
    const name = exactCode(JSON.stringify(key))
    const isTaken = now !== undefined
    const what = isTaken
      ? [name, ' was ', exactCode(json, valueLengthMax), ' and is ', exactCode(now), ' now.']
      : ['Deleted ', name, '.']
    const id = `deleted-${crypto.getRandomValues(new Uint32Array(1))[0]}`
    const text = element('span', { id }, ...what, trouble === '' ? '' : ` ${trouble}`)
    const described = { 'aria-describedby': id }
    const undo = button('Undo', described, () => this.#undo(deletion, undo))
    if (isTaken) undo.replaceChildren('Put ', exactCode(json, valueLengthMax), ' back')
    const forget = button(
      '×',
      { class: 'quiet', 'aria-label': `Forget ${JSON.stringify(key)}` },
      () => {
        this.#forget(deletion)
        this.#draw()
      },
    )
    line.replaceChildren(text, undo, forget)
  }

  async #undo(deletion: Deletion, undo: HTMLButtonElement): Promise<void> {
    undo.disabled = true
    try {
      await this.#putBack({ key: deletion.key, seen: deletion.now }, deletion.json)
      this.#forget(deletion)
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) this.#write(deletion, sentenceOf(error))
      else if (error.now === deletion.json) this.#forget(deletion)
      else this.#showNow(deletion, error.now)
    }
    this.#draw()
  }
}

/** Whether the user is still where the pair was deleted, and types nowhere else. */
function isFocusFree(): boolean {
  const { activeElement, body } = document
  return activeElement === body || find('pairs', HTMLElement).contains(activeElement)
}

const valueLengthMax = 24
