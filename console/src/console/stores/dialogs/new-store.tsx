import { type ReactNode, useState } from 'react'
import { hrefOf } from '../../address/address.ts'
import { open } from '../../address/use-address.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { createStore } from '../data/store-actions.ts'

/** Asks for the name of a new store, then opens it. */
export function NewStore({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [name, setName] = useState('')
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)
  const create = async (): Promise<void> => {
    setBusy(true)
    try {
      const { id } = await createStore(name.trim())
      onClose()
      open(hrefOf(['storage', 'key-value-stores', id, 'records']))
    } catch (failure) {
      setError(sentenceOf(failure))
      setBusy(false)
    }
  }
  return (
    <Dialog title="New store" action="Create" isBusy={isBusy} onAction={create} onClose={onClose}>
      <Field
        label="Name"
        autoFocus
        value={name}
        error={error}
        hint="A store with a name is kept. One without a name is deleted after 7 days without use."
        onChange={(text) => {
          setName(text)
          setError('')
        }}
      />
    </Dialog>
  )
}
