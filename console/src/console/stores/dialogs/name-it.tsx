import { type ReactNode, useState } from 'react'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { say } from '../../parts/toasts.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { renameStore } from '../data/store-actions.ts'
import { nameOf, type StoreRow } from '../data/store-rows.ts'

/** Names a store, or renames it. */
export function NameIt({
  store,
  onClose,
}: {
  readonly store: Pick<StoreRow, 'id' | 'name' | 'title'>
  readonly onClose: () => void
}): ReactNode {
  const { id, name } = store
  const [text, setText] = useState(name ?? '')
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)
  const save = async (): Promise<void> => {
    setBusy(true)
    try {
      await renameStore(id, text.trim())
      say({ text: name === null ? `${text.trim()} is kept now.` : `It is ${text.trim()} now.` })
      onClose()
    } catch (failure) {
      setError(sentenceOf(failure))
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={name === null ? 'Name it' : `Rename ${nameOf(store)}`}
      action="Save"
      isBusy={isBusy}
      isIncomplete={text.trim() === ''}
      onAction={save}
      onClose={onClose}
    >
      <Field
        label="Name"
        autoFocus
        value={text}
        error={error}
        hint="A name keeps it. Letters a to z, digits and hyphens."
        onChange={(next) => {
          setText(next)
          setError('')
        }}
      />
    </Dialog>
  )
}
