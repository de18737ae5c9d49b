import { type ReactNode, useState } from 'react'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { say } from '../../parts/toasts.tsx'
import { useAction } from '../../server/use-action.ts'
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
  const { isBusy, error, run, forgive } = useAction()
  const save = (): Promise<boolean> =>
    run(async () => {
      await renameStore(id, text.trim())
      say({ text: name === null ? `${text.trim()} is kept now.` : `It is ${text.trim()} now.` })
      onClose()
    })
  return (
    <Dialog
      title={name === null ? 'Name it' : `Rename ${nameOf(store)}`}
      action="Save"
      isBusy={isBusy}
      isIncomplete={text.trim() === ''}
      onAction={() => void save()}
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
          forgive()
        }}
      />
    </Dialog>
  )
}
