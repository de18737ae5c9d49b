import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { json } from '@codemirror/lang-json'
import {
  bracketMatching,
  HighlightStyle,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language'
import { type Diagnostic, linter, lintGutter } from '@codemirror/lint'
import { search, searchKeymap } from '@codemirror/search'
import type { Extension } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { mistakeIn } from '../json/json-lines.ts'

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--info)' },
  { tag: tags.string, color: 'var(--string)' },
  { tag: tags.number, color: 'var(--number)' },
  { tag: [tags.bool, tags.null, tags.keyword], color: 'var(--keyword)' },
])

const look = EditorView.theme({
  '&': { height: '100%', background: 'var(--paper)', color: 'var(--text)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { font: '13px / 20px var(--mono)' },
  '.cm-gutters': { background: 'var(--paper)', color: 'var(--soft)', border: '0' },
  '.cm-activeLine, .cm-activeLineGutter': { background: 'var(--shade)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { background: 'var(--accent-back)' },
  '.cm-panels': { background: 'var(--shade)', color: 'var(--text)' },
  '.cm-tooltip': { background: 'var(--paper)', border: '1px solid var(--line)' },
  '.cm-changedText': { background: 'var(--changed)' },
  '.cm-collapsedLines': { background: 'var(--sunk)', color: 'var(--soft)' },
  // Their signs are in few fonts.
  '.cm-collapsedLines:before, .cm-collapsedLines:after': { display: 'none' },
})

/** What each editor has: colours, keys, a search, and for JSON its mistakes. */
export function editorParts(label: string, isJson: boolean): Extension {
  return [
    lineNumbers(),
    drawSelection(),
    highlightActiveLine(),
    bracketMatching(),
    indentUnit.of('  '),
    syntaxHighlighting(colours),
    look,
    search({ top: true }),
    EditorView.contentAttributes.of({ 'aria-label': label }),
    isJson ? [json(), linter(({ state }) => marksOf(state.doc.toString())), lintGutter()] : [],
    isJson ? [] : EditorView.lineWrapping,
  ]
}

/** What an editor has in which one may type. */
export function typingParts(onChange: (text: string) => void): Extension {
  return [
    history(),
    keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, indentWithTab]),
    EditorView.updateListener.of(({ docChanged, state }) => {
      if (docChanged) onChange(state.doc.toString())
    }),
  ]
}

function marksOf(text: string): readonly Diagnostic[] {
  const mistake = mistakeIn(text)
  if (!mistake) return []
  const { at, message } = mistake
  return [{ from: at, to: Math.min(at + 1, text.length), severity: 'error', message }]
}
