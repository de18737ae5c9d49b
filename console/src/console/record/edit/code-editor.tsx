import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { type ReactNode, useEffect, useRef } from 'react'
import { editorParts, typingParts } from './cm-parts.ts'

export interface CodeEditorProps {
  readonly label: string
  /** A new object replaces what is in the editor, and Ctrl-Z takes that back. */
  readonly given: { readonly text: string }
  readonly isJson: boolean
  readonly onChange: (text: string) => void
}

/** An editor of text, with mistakes of JSON at their lines. */
export function CodeEditor(props: CodeEditorProps): ReactNode {
  const { label, given, isJson, onChange } = props
  const place = useRef<HTMLDivElement>(null)
  const editor = useRef<EditorView>(null)
  const hear = useRef(onChange)
  hear.current = onChange
  const first = useRef(given.text)
  useEffect(() => {
    if (!place.current) return undefined
    const extensions = [
      editorParts(label, isJson),
      typingParts((text) => hear.current(text)),
      EditorState.lineSeparator.of('\n'),
    ]
    const state = EditorState.create({ doc: first.current, extensions })
    const view = new EditorView({ parent: place.current, state })
    editor.current = view
    view.focus()
    return () => view.destroy()
  }, [label, isJson])
  useEffect(() => {
    const view = editor.current
    if (!view || view.state.doc.toString() === given.text) return
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: given.text } })
    view.focus()
  }, [given])
  return <div ref={place} className="code-editor" />
}
