import { autocompletion, closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete'
import {
  defaultKeymap,
  history,
  historyKeymap,
  indentWithTab,
  isolateHistory,
} from '@codemirror/commands'
import { javascript } from '@codemirror/lang-javascript'
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language'
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint'
import { EditorState, type Extension } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'

/** A message about a line of the program, counted from 1. */
export interface LineMark {
  readonly line: number
  readonly severity: 'warning' | 'error'
  readonly message: string
}

export interface EditorListener {
  /** The user runs the program by the keyboard. */
  onRun(): void
  onEdited(code: string): void
}

/** The editor of programs. Each program has its own undo history. */
export class CodeEditor {
  readonly #view: EditorView
  readonly #extensions: Extension
  /** The states of programs that were open, by name. */
  readonly #states = new Map<string, EditorState>()
  #name = ''

  constructor(place: HTMLElement, listener: EditorListener) {
    this.#extensions = extensionsFor(listener)
    this.#view = new EditorView({ parent: place, state: this.#stateOf('') })
  }

  get code(): string {
    return this.#view.state.doc.toString()
  }

  /** Shows the program of that name, with its undo history if this is still its text. */
  open(name: string, code: string): void {
    this.#states.set(this.#name, this.#view.state)
    this.#name = name
    const state = this.#states.get(name)
    this.#view.setState(state?.doc.toString() === code ? state : this.#stateOf(code))
  }

  /** Forgets all programs: another project has other programs of the same names. */
  forget(): void {
    this.#states.clear()
    this.#name = ''
    this.#view.setState(this.#stateOf(''))
  }

  /**
   * Replaces the program as if the user typed: undo takes it back. `isOthers`: the user is
   * somewhere else meanwhile.
   */
  replace(code: string, { isOthers = false }: { readonly isOthers?: boolean } = {}): void {
    const { length } = this.#view.state.doc
    const changes = { from: 0, to: length, insert: code }
    this.#view.dispatch({ changes, annotations: isolateHistory.of('full') })
    if (!isOthers) this.#view.focus()
  }

  /** The program goes on under another name. */
  rename(name: string): void {
    this.#name = name
  }

  /** Replaces all marks. */
  mark(marks: readonly LineMark[]): void {
    const diagnostics = marks.map((mark) => this.#diagnosticOf(mark))
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics))
  }

  goToLine(line: number): void {
    const { from } = this.#lineAt(line)
    this.#view.dispatch({ selection: { anchor: from }, scrollIntoView: true })
    this.#view.focus()
  }

  #stateOf(code: string): EditorState {
    return EditorState.create({ doc: code, extensions: this.#extensions })
  }

  #diagnosticOf({ line, severity, message }: LineMark): Diagnostic {
    const { from, to } = this.#lineAt(line)
    return { from, to, severity, message }
  }

  /** The last line for numbers behind it: browsers report a missing end there. */
  #lineAt(line: number): { readonly from: number; readonly to: number } {
    const { doc } = this.#view.state
    return doc.line(Math.min(Math.max(line, 1), doc.lines))
  }
}

function extensionsFor({ onRun, onEdited }: EditorListener): Extension {
  const run = (): boolean => {
    onRun()
    return true
  }
  return [
    lineNumbers(),
    lintGutter(),
    history(),
    drawSelection(),
    EditorView.lineWrapping,
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    autocompletion(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    javascript(),
    syntaxHighlighting(colors),
    theme,
    EditorView.contentAttributes.of({ 'aria-label': 'Program, in JavaScript' }),
    EditorView.updateListener.of(({ docChanged, state }) => {
      if (docChanged) onEdited(state.doc.toString())
    }),
    keymap.of([
      { key: 'Mod-Enter', run },
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...historyKeymap,
      indentWithTab,
    ]),
  ]
}

// The colors are in the page's style sheet, for light and dark.
const colors = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: 'var(--keyword)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--string)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--number)' },
  { tag: tags.comment, color: 'var(--comment)', fontStyle: 'italic' },
  { tag: tags.function(tags.variableName), color: 'var(--function)' },
  { tag: tags.definition(tags.variableName), color: 'var(--text)' },
])

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--text)', backgroundColor: 'var(--paper)' },
  // The page shows the focus around the whole editor.
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', fontSize: '14px', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--shade)', color: 'var(--soft)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'var(--active-line)' },
  '.cm-activeLineGutter': { backgroundColor: 'var(--active-line)', color: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    backgroundColor: 'var(--selection)',
  },
  '.cm-selectionBackground': { backgroundColor: 'var(--selection)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--paper)',
    color: 'var(--text)',
    border: '1px solid var(--line)',
  },
})
