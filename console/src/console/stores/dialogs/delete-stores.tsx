import { type ReactNode, useState } from 'react'
import { countOf, countText, sizeText } from '../../format/format.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { deleteStores } from '../data/store-actions.ts'
import { nameOf, type StoreRow } from '../data/store-rows.ts'

/** More records than this go only if the name is typed. */
const quickRecordsMax = 1_000
const listedMax = 20

interface DeleteStoresProps {
  readonly stores: readonly StoreRow[]
  readonly onClose: () => void
  readonly onDone: () => void
}

/** Names all that goes before it goes. */
export function DeleteStores({ stores, onClose, onDone }: DeleteStoresProps): ReactNode {
  const [typed, setTyped] = useState('')
  const [isBusy, setBusy] = useState(false)
  const records = stores.reduce((sum, { recordCount }) => sum + recordCount, 0)
  const bytes = stores.reduce((sum, { storageBytes }) => sum + storageBytes, 0)
  const [first] = stores
  const wanted = stores.length === 1 && first ? nameOf(first) : countOf(stores.length, 'store')
  const mustType = records > quickRecordsMax
  const remove = async (): Promise<void> => {
    setBusy(true)
    await deleteStores(stores)
    onDone()
    onClose()
  }
  return (
    <Dialog
      title={`Delete ${stores.length === 1 ? 'this store' : `these ${wanted}`}?`}
      action="Delete"
      isDanger
      isBusy={isBusy}
      isIncomplete={mustType && typed !== wanted}
      onAction={remove}
      onClose={onClose}
    >
      <ul className="named">
        {stores.slice(0, listedMax).map((store) => (
          <li key={store.id}>
            <b>{nameOf(store)}</b> <span className="mono soft">{store.id}</span>,{' '}
            {countOf(store.recordCount, 'record')}, {sizeText(store.storageBytes)}
          </li>
        ))}
      </ul>
      {stores.length > listedMax && <p>and {countText(stores.length - listedMax)} more</p>}
      <p>
        {countOf(records, 'record')}, {sizeText(bytes)}. This can't be undone.
      </p>
      {mustType && (
        <Field label={`Type “${wanted}” to delete`} autoFocus value={typed} onChange={setTyped} />
      )}
    </Dialog>
  )
}
