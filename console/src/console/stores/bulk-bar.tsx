import type { ReactNode } from 'react'
import { countOf, sizeText } from '../format/format.ts'
import { Button } from '../parts/button.tsx'
import { download } from '../server/download.ts'
import { keepLonger } from './data/store-actions.ts'
import { type StoreRow, storePath } from './data/store-rows.ts'

interface BulkBarProps {
  readonly stores: readonly StoreRow[]
  readonly onDelete: () => void
  readonly onClear: () => void
}

/** What can be done with the stores that are selected. */
export function BulkBar({ stores, onDelete, onClear }: BulkBarProps): ReactNode {
  const records = stores.reduce((sum, { recordCount }) => sum + recordCount, 0)
  const bytes = stores.reduce((sum, { storageBytes }) => sum + storageBytes, 0)
  const mayDelete = stores.every(({ access }) => access === 'manage')
  const expiring = stores.filter(({ expiresAt }) => expiresAt !== null)
  const downloadAll = async (): Promise<void> => {
    for (const store of stores) {
      await download(`${storePath(store.id)}/records`, `${store.name ?? store.id}.zip`)
    }
  }
  return (
    <section className="bulk" aria-label="Selected stores">
      <b>{countOf(stores.length, 'store')}</b>
      <small>
        {countOf(records, 'record')}, {sizeText(bytes)}
      </small>
      {expiring.length > 0 && (
        <Button icon="timer" onPress={() => void keepLonger(expiring)}>
          <span>Keep longer</span>
        </Button>
      )}
      <Button icon="download" onPress={() => void downloadAll()}>
        <span>Download</span>
      </Button>
      {mayDelete && (
        <Button icon="trash-2" kind="danger" onPress={onDelete}>
          <span>Delete</span>
        </Button>
      )}
      <Button icon="x" label="Select nothing" onPress={onClear} />
    </section>
  )
}
