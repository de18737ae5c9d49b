import { lazy, type ReactNode, Suspense, useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { State } from '../../parts/state.tsx'
import type { Action } from '../../server/me.ts'
import { kindOf } from '../data/kind-of.ts'
import type { RecordAt } from '../data/record-row.ts'
import { formatJson, mistakeIn } from '../json/json-lines.ts'
import { Conflict } from './conflict.tsx'
import { LeaveAsk } from './leave-ask.tsx'
import { type Base, useEdit } from './use-edit.ts'

const CodeEditor = lazy(async () => ({
  default: (await import('./code-editor.tsx')).CodeEditor,
}))

export interface EditRecordProps {
  readonly at: RecordAt
  readonly base: Base
  readonly access: Action
  /** Editing is over. */
  readonly onDone: () => void
  /** The record is not there any more, and the user wants none. */
  readonly onGone: () => void
}

/** Edits a text or JSON. What was typed stays until it is saved or given up. */
export function EditRecord({ at, base, access, onDone, onGone }: EditRecordProps): ReactNode {
  const edit = useEdit(at, base, onDone)
  const { draft, conflict } = edit
  const isJson = kindOf(draft.contentType) === 'json'
  const [given, setGiven] = useState({ text: draft.text })
  const mistake = isJson ? mistakeIn(draft.text) : undefined
  const save = (): void => {
    const isWrong = isJson && mistakeIn(edit.textNow()) !== undefined
    if (!isWrong && !edit.isBusy) void edit.save()
  }
  const format = (): void => {
    const text = formatJson(edit.textNow())
    edit.type(text)
    setGiven({ text })
  }
  if (conflict) {
    return (
      <Conflict
        at={at}
        edit={edit}
        conflict={conflict}
        access={access}
        isJson={isJson}
        onDiscard={() => {
          edit.discard()
          if (conflict.kind === 'deleted') onGone()
        }}
      />
    )
  }
  return (
    <div className="edit" onKeyDown={(event) => onSaveKey(event, save)}>
      {edit.error !== '' && <State kind="error" text={edit.error} onAgain={save} />}
      <Suspense fallback={<State kind="loading" />}>
        <CodeEditor label="Value" given={given} isJson={isJson} onChange={edit.type} />
      </Suspense>
      <div className="edit-foot">
        <span className={mistake ? 'field-error' : 'soft'} role="status">
          {mistake
            ? `Line ${mistake.line}: ${mistake.message}`
            : edit.isDirty
              ? 'Not saved yet.'
              : ''}
        </span>
        {isJson && (
          <Button isSmall {...(mistake && { why: `Line ${mistake.line}` })} onPress={format}>
            Format
          </Button>
        )}
        <Button isSmall onPress={edit.leave}>
          Cancel
        </Button>
        <Button
          kind="main"
          icon="save"
          isSmall
          keys="Ctrl S"
          isDisabled={edit.isBusy}
          {...(mistake && { why: `Line ${mistake.line}: ${mistake.message}` })}
          onPress={save}
        >
          Save
        </Button>
      </div>
      <LeaveAsk edit={edit} />
    </div>
  )
}

function onSaveKey(
  event: { key: string; ctrlKey: boolean; metaKey: boolean; preventDefault: () => void },
  save: () => void,
): void {
  if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey)) return
  event.preventDefault()
  save()
}
