import { type ReactNode, useState } from 'react'
import { openQuery, useAddress } from '../address/use-address.ts'
import { useCrumbs } from '../shell/crumbs.ts'
import { useLetter } from '../shell/shortcuts.ts'
import { NewRecord } from './new-record.tsx'
import { RecordPane } from './record-pane.tsx'

/** Shows the record of the address alone. */
export function RecordRoute({ storeId }: { readonly storeId: string }): ReactNode {
  const { key } = useAddress().query
  useCrumbs([{ name: 'Storage', href: '#/storage/key-value-stores' }, { name: storeId }])
  const [isMaking, setMaking] = useState(false)
  useLetter('n', () => setMaking(true))
  return (
    <>
      {key !== undefined && (
        <RecordPane
          storeId={storeId}
          keyText={key}
          access="manage"
          onClose={() => openQuery({ key: undefined, tab: undefined })}
        />
      )}
      {isMaking && <NewRecord storeId={storeId} onClose={() => setMaking(false)} />}
    </>
  )
}
