import { lazy, type ReactNode, Suspense, useRef, useState } from 'react'
import { openQuery } from '../address/use-address.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { State } from '../parts/state.tsx'
import { say } from '../parts/toasts.tsx'
import { sentenceOf } from '../server/ask.ts'
import { isChanged, saveRecord, shownKey } from './data/record-actions.ts'
import { mistakeIn } from './json/json-lines.ts'
import '../styles/record.css'
import '../styles/record-value.css'

const CodeEditor = lazy(async () => ({
  default: (await import('./edit/code-editor.tsx')).CodeEditor,
}))

const types = [
  ['JSON', 'application/json; charset=utf-8'],
  ['Text', 'text/plain; charset=utf-8'],
  ['Markdown', 'text/markdown; charset=utf-8'],
  ['CSV', 'text/csv; charset=utf-8'],
  ['HTML', 'text/html; charset=utf-8'],
] as const

export interface NewRecordProps {
  readonly storeId: string
  /** The beginning of the key, such as the folder that is open. */
  readonly prefix?: string
  readonly onClose: () => void
}

const blank = { text: '' }

/** Makes a record: key, type, value. A key that is taken is left alone. */
export function NewRecord({ storeId, prefix = '', onClose }: NewRecordProps): ReactNode {
  const [key, setKey] = useState(prefix)
  const [contentType, setContentType] = useState<string>(types[0][1])
  const [text, setText] = useState('')
  // What is drawn may be older: a letter and Enter can come in the same moment.
  const latest = useRef(text)
  const [taken, setTaken] = useState('')
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)
  const isJson = contentType === types[0][1]
  const mistake = isJson && text !== '' ? mistakeIn(text) : undefined
  const type = (typed: string): void => {
    latest.current = typed
    setText(typed)
  }
  const save = async (): Promise<void> => {
    setBusy(true)
    setError('')
    try {
      await saveRecord({ storeId, key }, { contentType, body: latest.current, ifRevision: 0 })
      say({ text: `Saved ${shownKey(key)}.` })
      onClose()
      openQuery({ key })
    } catch (failure) {
      if (isChanged(failure)) setTaken('There is a record of this key already.')
      else setError(sentenceOf(failure))
      setBusy(false)
    }
  }
  return (
    <Dialog
      title="New record"
      action="Save"
      isWide
      isBusy={isBusy}
      isIncomplete={mistake !== undefined || (isJson && text === '')}
      error={error}
      onAction={() => void save()}
      onClose={onClose}
    >
      <Field
        label="Key"
        isMono
        autoFocus
        value={key}
        error={taken}
        onChange={(next) => {
          setKey(next)
          setTaken('')
        }}
      />
      <TypeField type={contentType} onType={setContentType} />
      <div className="new-value">
        <Suspense fallback={<State kind="loading" />}>
          <CodeEditor label="Value" given={blank} isJson={isJson} onChange={type} />
        </Suspense>
      </div>
      {mistake && (
        <p className="field-error" role="status">
          Line {mistake.line}: {mistake.message}
        </p>
      )}
    </Dialog>
  )
}

function TypeField({
  type,
  onType,
}: {
  readonly type: string
  readonly onType: (type: string) => void
}): ReactNode {
  return (
    <label className="labelled">
      <span className="label">Type</span>
      <select className="field" value={type} onChange={(event) => onType(event.target.value)}>
        {types.map(([name, contentType]) => (
          <option key={name} value={contentType}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
