import { MergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { type ReactNode, useEffect, useRef } from 'react'
import { editorParts, typingParts } from './cm-parts.ts'

export interface CompareViewProps {
  readonly left: string
  readonly leftName: string
  readonly right: string
  readonly rightName: string
  readonly isJson: boolean
  /** The right side may be edited, also by taking over pieces of the left one. */
  readonly onChange?: (text: string) => void
}

/** Two texts side by side, with what is different between them. */
export function CompareView(props: CompareViewProps): ReactNode {
  const { left, leftName, right, rightName, isJson, onChange } = props
  const place = useRef<HTMLDivElement>(null)
  const hear = useRef(onChange)
  hear.current = onChange
  const mayEdit = onChange !== undefined
  useEffect(() => {
    if (!place.current) return undefined
    const fixed = [EditorState.readOnly.of(true), EditorView.editable.of(false)]
    const separator = [EditorState.lineSeparator.of('\n'), EditorView.lineWrapping]
    const typed = typingParts((text) => hear.current?.(text))
    const view = new MergeView({
      parent: place.current,
      a: { doc: left, extensions: [editorParts(leftName, isJson), separator, fixed] },
      b: {
        doc: right,
        extensions: [editorParts(rightName, isJson), separator, mayEdit ? typed : fixed],
      },
      ...(mayEdit && { revertControls: 'a-to-b' as const }),
      collapseUnchanged: { margin: 3, minSize: 8 },
    })
    return () => view.destroy()
  }, [left, leftName, right, rightName, isJson, mayEdit])
  return (
    <div className="compare">
      <div className="compare-names">
        <b>{leftName}</b>
        <b>{rightName}</b>
      </div>
      <div ref={place} className="compare-sides" />
    </div>
  )
}
