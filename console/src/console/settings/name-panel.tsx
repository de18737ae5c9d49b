import { type FormEvent, type ReactNode, useState } from 'react'
import type { StoreInfo } from '../../../../client/src/stores/store-info.ts'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { say } from '../parts/toasts.tsx'
import { useAction } from '../server/use-action.ts'
import { renameStore } from '../stores/data/store-actions.ts'

/** A store with a name is kept. */
export function NamePanel({ store }: { readonly store: StoreInfo }): ReactNode {
  const [name, setName] = useState(store.name ?? '')
  const { isBusy, error, run, forgive } = useAction()
  const save = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    const wanted = name.trim()
    const isDone = await run(() => renameStore(store.id, wanted === '' ? null : wanted))
    if (isDone) say({ text: wanted === '' ? 'The store has no name any more.' : 'Saved.' })
  }
  return (
    <form className="panel" onSubmit={save}>
      <h2>Name</h2>
      <Field
        label="Name"
        value={name}
        error={error}
        hint="A name keeps it. Without a name it is deleted some time after its last use."
        onChange={(text) => {
          setName(text)
          forgive()
        }}
      />
      <div>
        <Button type="submit" isDisabled={isBusy || name.trim() === (store.name ?? '')}>
          Save name
        </Button>
      </div>
    </form>
  )
}
