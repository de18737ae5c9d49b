import { element } from '../page/element.ts'
import type { Keeps } from '../page/kept.ts'
import type { CodeEditor } from './editor.ts'
import { type Example, examples } from './examples.ts'
import { KeptPrograms } from './kept-programs.ts'

const own: Example = {
  id: 'own',
  name: 'My program',
  code: '// Write a program of your own here, then press Run.\n\n',
}
const choices: readonly Example[] = [...examples, own]

interface ProgramsParts {
  readonly select: HTMLSelectElement
  readonly reset: HTMLButtonElement
  readonly keeps: Keeps
  /** Another program is about to be shown. */
  onChoose(): void
  /** Something happened to what the user wrote; '' removes the sentence. */
  onNotice(sentence: string): void
}

/**
 * Which program is in the editor. The browser keeps what the user writes, separately for each
 * project. If two tabs write in the same program, each goes on with a program of its own.
 */
export class Programs {
  readonly #editor: CodeEditor
  readonly #parts: ProgramsParts
  #kept: KeptPrograms
  #current: Example = own
  /** The current program as this tab knows it to be kept. */
  #known = own.code
  #isFollowing = false
  #listening = new AbortController()

  constructor(editor: CodeEditor, parts: ProgramsParts) {
    this.#editor = editor
    this.#parts = parts
    this.#kept = new KeptPrograms(parts.keeps, '')
    parts.select.addEventListener('change', () => {
      parts.onChoose()
      parts.onNotice('')
      this.#open(parts.select.value)
    })
    parts.reset.addEventListener('click', () => editor.replace(this.#current.code))
  }

  /** Opens the program that was last open in a project. */
  openProject(channelId: string): void {
    this.#editor.forget()
    this.#parts.onNotice('')
    this.#listening.abort()
    this.#listening = new AbortController()
    this.#kept = new KeptPrograms(this.#parts.keeps, channelId)
    this.#kept.listen(() => this.#noteOthers(), this.#listening.signal)
    this.#open(this.#kept.choice ?? '')
  }

  /** The program in the editor has changed. */
  note(code: string): void {
    if (this.#isFollowing) return
    const { id } = this.#current
    const isOurs = this.#keptCode(this.#current) === this.#known
    this.#kept.setDraft(id, code)
    if (isOurs) this.#keep(code)
    else this.#part()
    this.#showReset(code)
  }

  #keep(code: string): void {
    const { id, code: original } = this.#current
    const isOriginal = choices.includes(this.#current) && code === original
    const isKept = this.#kept.setCode(id, isOriginal ? undefined : code)
    this.#known = code
    if (!isKept) this.#parts.onNotice(notKept)
  }

  #open(id: string): void {
    this.#kept.dropBlankCopies()
    const program = this.#parted(this.#find(id) ?? examples[0] ?? own)
    this.#listChoices()
    this.#show(program)
    this.#editor.open(program.id, this.#known)
    this.#showReset(this.#known)
  }

  #show(program: Example): void {
    this.#current = program
    this.#known = this.#keptCode(program)
    this.#parts.select.value = program.id
    this.#kept.choice = program.id
  }

  /** Another tab has changed a program, or made a copy. */
  #noteOthers(): void {
    this.#listChoices()
    if (this.#keptCode(this.#current) === this.#known) return
    this.#part()
    if (this.#editor.code === this.#known) return
    this.#isFollowing = true
    this.#editor.replace(this.#known, { isOthers: true })
    this.#isFollowing = false
    this.#showReset(this.#known)
  }

  /** Goes on with a copy if this tab has written something else than what is kept. */
  #part(): void {
    const program = this.#parted(this.#current)
    if (program !== this.#current) this.#editor.rename(program.id)
    this.#listChoices()
    this.#show(program)
  }

  /** The program, or a copy of what this tab wrote in it if another tab has overwritten that. */
  #parted(program: Example): Example {
    const draft = this.#kept.draft(program.id)
    if (draft === undefined || draft === this.#keptCode(program)) return program
    this.#kept.setDraft(program.id, undefined)
    if (draft === program.code || draft.trim() === '') return program
    const { id, isKept } = this.#kept.copy(draft)
    const copy = this.#find(id) ?? own
    this.#kept.setDraft(id, draft)
    const what = `Another tab has changed “${program.name}”.`
    const where = `What you wrote here is now “${copy.name}”.`
    this.#parts.onNotice([what, where, ...(isKept ? [] : [notKept])].join(' '))
    return copy
  }

  #keptCode({ id, code }: Example): string {
    return this.#kept.code(id) ?? code
  }

  #find(id: string): Example | undefined {
    return this.#all.find((program) => program.id === id)
  }

  get #all(): readonly Example[] {
    const copies = this.#kept.copies.map((id, index) => {
      return { id, name: `${own.name} ${index + 2}`, code: '' }
    })
    return [...choices, ...copies]
  }

  #listChoices(): void {
    const { select } = this.#parts
    const options = this.#all.map(({ id, name }) => element('option', { value: id }, name))
    select.replaceChildren(...options)
    select.value = this.#current.id
  }

  #showReset(code: string): void {
    this.#parts.reset.hidden = !examples.includes(this.#current) || code === this.#current.code
  }
}

const notKept =
  'This browser can’t keep your program. Copy it to a safe place before you close this page.'
