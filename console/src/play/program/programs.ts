import { element } from '../page/element.ts'
import type { Kept } from '../page/kept.ts'
import type { CodeEditor } from './editor.ts'
import { type Example, examples } from './examples.ts'

const own: Example = {
  id: 'own',
  name: 'My program',
  code: '// Write a program of your own here, then press Run.\n\n',
}
const choices: readonly Example[] = [...examples, own]

interface ProgramsParts {
  readonly select: HTMLSelectElement
  readonly reset: HTMLButtonElement
  readonly kept: Kept
  /** Another program is about to be shown. */
  onChoose(): void
}

/**
 * Which program is in the editor. The browser keeps what the user writes, separately for each
 * project.
 */
export class Programs {
  readonly #editor: CodeEditor
  readonly #select: HTMLSelectElement
  readonly #reset: HTMLButtonElement
  readonly #kept: Kept
  #channelId = ''
  #current: Example = own

  constructor(editor: CodeEditor, { select, reset, kept, onChoose }: ProgramsParts) {
    this.#editor = editor
    this.#select = select
    this.#reset = reset
    this.#kept = kept
    const options = choices.map(({ id, name }) => element('option', { value: id }, name))
    select.replaceChildren(...options)
    select.addEventListener('change', () => {
      onChoose()
      this.#open(select.value)
    })
    reset.addEventListener('click', () => editor.replace(this.#current.code))
  }

  /** Opens the program that was last open in a project. */
  openProject(channelId: string): void {
    this.#editor.forget()
    this.#channelId = channelId
    this.#open(this.#kept.getText(`choice ${channelId}`) ?? '')
  }

  /** The program in the editor has changed. */
  note(code: string): void {
    const { id, code: original } = this.#current
    const codes = { ...this.#codes(), [id]: code === original ? undefined : code }
    this.#kept.set(this.#codesName, codes)
    this.#showReset(code)
  }

  #open(id: string): void {
    this.#current = choices.find((choice) => choice.id === id) ?? examples[0] ?? own
    this.#select.value = this.#current.id
    this.#kept.set(`choice ${this.#channelId}`, this.#current.id)
    const code = this.#codes()[this.#current.id] ?? this.#current.code
    this.#editor.open(this.#current.id, code)
    this.#showReset(code)
  }

  #showReset(code: string): void {
    this.#reset.hidden = this.#current === own || code === this.#current.code
  }

  #codes(): Record<string, string> {
    return this.#kept.getTexts(this.#codesName)
  }

  get #codesName(): string {
    return `code ${this.#channelId}`
  }
}
