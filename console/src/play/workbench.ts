import { PagePairs } from './data/page-pairs.ts'
import type { Pairs } from './data/pairs.ts'
import { PairsTable } from './data/pairs-table.ts'
import { PairsWatch } from './data/pairs-watch.ts'
import type { Printed, ProgramState } from './frame/program-messages.ts'
import { find } from './page/element.ts'
import type { Keeps } from './page/kept.ts'
import { sentenceOf } from './page/refusal.ts'
import { ConsoleView, saidOfLine } from './program/console-view.ts'
import { CodeEditor, type LineMark } from './program/editor.ts'
import { Program, type ProgramListener } from './program/program.ts'
import { Programs } from './program/programs.ts'
import type { ProjectAddress } from './projects/projects.ts'

interface OpenProject {
  readonly address: ProjectAddress
  readonly pairs: Pairs
  readonly watch: PairsWatch
}

/** The view in which a user writes and runs programs of one project, beside the project's data. */
export class Workbench {
  readonly #keeps: Keeps
  readonly #editor: CodeEditor
  readonly #programs: Programs
  readonly #program: Program
  readonly #console: ConsoleView
  readonly #table: PairsTable
  readonly #data = find('data', HTMLElement)
  readonly #viewData = find('view-data', HTMLButtonElement)
  #marks: readonly LineMark[] = []
  #project: OpenProject | undefined

  constructor(keeps: Keeps) {
    this.#keeps = keeps
    const run = (): void => this.run()
    this.#editor = new CodeEditor(find('editor', HTMLElement), {
      onRun: run,
      onEdited: (code) => this.#programs.note(code),
    })
    const select = find('choice', HTMLSelectElement)
    const reset = find('reset', HTMLButtonElement)
    this.#programs = new Programs(this.#editor, {
      select,
      reset,
      keeps,
      onChoose: () => this.#end(),
      onNotice: (sentence) => {
        find('program-notice', HTMLElement).textContent = sentence
      },
    })
    this.#console = new ConsoleView(find('lines', HTMLElement), (line) => {
      this.#editor.goToLine(line)
    })
    const kept = { localStorage: keeps.browser, sessionStorage: keeps.tab }
    this.#program = new Program(find('frame', HTMLElement), kept, this.#listener())
    this.#table = new PairsTable({
      save: (pair, json) => this.#change((pairs) => pairs.set(pair, json)),
      delete: (pair) => this.#change((pairs) => pairs.delete(pair)),
    })
    this.#listen(run)
  }

  /** Shows a project in place of the current one. */
  open(address: ProjectAddress, pairs: Pairs): void {
    this.close()
    this.#table.open(address.channelId)
    const watch = new PairsWatch(pairs, {
      onPairs: (values) => this.#table.show(values),
      onChange: (key, by) => this.#table.tell(key, by),
      onTrouble: (sentence) => this.#showTrouble(sentence),
    })
    this.#project = { address, pairs, watch }
    this.#programs.openProject(address.channelId)
    find('limited', HTMLElement).hidden = pairs.areAll
    this.#showData(this.#keeps.browser.get('data') !== false)
  }

  close(): void {
    this.#end()
    this.#project?.watch.end()
    this.#project = undefined
  }

  /** Runs the program from its beginning. */
  run(): void {
    if (!this.#project) return
    this.#clear()
    this.#program.run(this.#editor.code, this.#project.address)
  }

  /**
   * Stops the program and clears its messages: they name lines that another program does not have.
   */
  #end(): void {
    this.#program.stop()
    this.#clear()
  }

  #listen(run: () => void): void {
    find('run', HTMLButtonElement).addEventListener('click', run)
    find('stop', HTMLButtonElement).addEventListener('click', () => this.#program.stop())
    find('clear', HTMLButtonElement).addEventListener('click', () => this.#clear())
    this.#viewData.addEventListener('click', () => {
      this.#showData(this.#data.hidden !== false)
      this.#keeps.browser.set('data', !this.#data.hidden)
      // On a phone it is below the program.
      if (!this.#data.hidden) this.#data.scrollIntoView({ block: 'nearest' })
    })
    document.addEventListener('keydown', (event) => {
      const isRun = event.key === 'Enter' && (event.ctrlKey || event.metaKey)
      const isFree = !event.defaultPrevented && document.querySelector('dialog[open]') === null
      if (isRun && isFree) run()
    })
    find('look-up', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      this.#lookUp(find('look-up-key', HTMLInputElement))
    })
  }

  #listener(): ProgramListener {
    return {
      onPrinted: (printed) => this.#print(printed),
      onCleared: () => this.#console.clear(),
      onCall: ({ kind, key }) => {
        const { pairs, watch } = this.#project ?? {}
        const isFirst = pairs instanceof PagePairs && pairs.know(key)
        if (isFirst || kind === 'set') watch?.note(key)
      },
      onState: (state) => this.#showState(state),
    }
  }

  #showState(state: ProgramState | undefined): void {
    const isRunning = state === 'running'
    find('stop', HTMLButtonElement).disabled = !isRunning
    find('run', HTMLButtonElement).textContent = isRunning ? 'Run again' : 'Run'
    const { name, hint } = state ? states[state] : notRun
    const shown = find('running', HTMLElement)
    shown.textContent = name
    shown.dataset.state = state ?? ''
    this.#console.hint(hint)
    if (!isRunning) this.#console.flush()
  }

  #print(printed: Printed): void {
    this.#console.print(printed)
    const said = saidOfLine(printed.text)
    if (!said || this.#marks.length >= marksMax) return
    const severity = printed.level === 'error' ? 'error' : 'warning'
    this.#marks = [...this.#marks, { line: said.line, severity, message: said.after.slice(2) }]
    this.#editor.mark(this.#marks)
  }

  #clear(): void {
    this.#console.clear()
    this.#marks = []
    this.#editor.mark([])
  }

  #showData(isShown: boolean): void {
    this.#data.hidden = !isShown
    this.#viewData.textContent = isShown ? 'Hide data' : 'View data'
    this.#viewData.setAttribute('aria-expanded', String(isShown))
    if (isShown) this.#project?.watch.look()
    else this.#project?.watch.rest()
  }

  async #change(change: (pairs: Pairs) => Promise<void>): Promise<void> {
    const { pairs, watch } = this.#project ?? {}
    if (!pairs || !watch) return
    try {
      await change(pairs)
    } finally {
      watch.look()
    }
  }

  async #lookUp(input: HTMLInputElement): Promise<void> {
    const { pairs, watch } = this.#project ?? {}
    const key = input.value
    if (!(pairs instanceof PagePairs) || key === '') return
    pairs.know(key)
    this.#table.say('')
    try {
      const isThere = (await pairs.read(new Set([key]))).has(key)
      // The user may have opened another project meanwhile.
      if (watch !== this.#project?.watch) return
      if (isThere) input.value = ''
      else this.#table.sayNoValue(key)
      watch?.look()
    } catch (error) {
      this.#table.say(sentenceOf(error))
    }
  }

  #showTrouble(sentence: string | undefined): void {
    const trouble = find('data-trouble', HTMLElement)
    trouble.textContent = sentence ?? ''
  }
}

const marksMax = 100

/** By the state of a program: its name, and what an empty console says. */
const states = {
  running: { name: 'Running', hint: 'Nothing is printed yet.' },
  done: { name: 'Done', hint: 'The program is done. Nothing is printed here.' },
  failed: { name: 'Stopped: error', hint: 'The program has stopped. Nothing is printed here.' },
} satisfies Record<ProgramState, { name: string; hint: string }>
const notRun = { name: '', hint: 'Press Run or Ctrl-Enter. What the program prints appears here.' }
