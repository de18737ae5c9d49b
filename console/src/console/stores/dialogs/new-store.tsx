import { type ReactNode, useState } from 'react'
import { hrefOf } from '../../address/address.ts'
import { open } from '../../address/use-address.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { useAction } from '../../server/use-action.ts'
import { createStore } from '../data/store-actions.ts'

/** Asks for the name of a new store, then opens it. */
export function NewStore({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [name, setName] = useState('')
  const { isBusy, error, run, forgive } = useAction()
  const create = (): Promise<boolean> =>
    run(async () => {
      const { id } = await createStore(name.trim())
      onClose()
      open(hrefOf(['storage', 'key-value-stores', id, 'records']))
    })
  return (
    <Dialog
      title="New store"
      action="Create"
      isBusy={isBusy}
      onAction={() => void create()}
      onClose={onClose}
    >
      <Field
        label="Name"
        autoFocus
        value={name}
        error={error}
        hint="A store with a name is kept. One without a name is deleted some time after its last use."
        onChange={(text) => {
          setName(text)
          forgive()
        }}
      />
    </Dialog>
  )
}
