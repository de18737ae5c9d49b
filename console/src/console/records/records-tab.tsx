import { lazy, type ReactNode, Suspense, useState } from 'react'
import type { StoreInfo } from '../../../../client/src/stores/store-info.ts'
import { openQuery, replaceQuery, useAddress } from '../address/use-address.ts'
import { countOf } from '../format/format.ts'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { download } from '../server/download.ts'
import { useLetter } from '../shell/shortcuts.ts'
import { storePath } from '../stores/data/store-rows.ts'
import { RecordTable } from './record-table.tsx'
import { useRecords } from './use-records.ts'

const RecordPane = lazy(async () => ({
  default: (await import('../record/record-pane.tsx')).RecordPane,
}))
const NewRecord = lazy(async () => ({
  default: (await import('../record/new-record.tsx')).NewRecord,
}))

/** The records of a store: the list left, the record right. */
export function RecordsTab({ store }: { readonly store: StoreInfo }): ReactNode {
  const { id, access } = store
  const { prefix = '', key } = useAddress().query
  const list = useRecords(id, prefix)
  const [isMaking, setMaking] = useState(false)
  const mayWrite = access !== 'read'
  useLetter('n', mayWrite ? () => setMaking(true) : undefined)
  return (
    <div className={key === undefined ? 'split alone' : 'split'}>
      <section className="left" aria-label="Records">
        <div className="bar tight">
          <div data-filter className="grow">
            <Field
              label="Keys that begin with"
              isLabelHidden
              isMono
              icon="list-filter"
              placeholder="Keys that begin with"
              keys="/"
              value={prefix}
              onChange={(text) => replaceQuery({ prefix: text === '' ? undefined : text })}
            />
          </div>
          <Button
            icon="download"
            label="Download all as ZIP"
            onPress={() => void download(`${storePath(id)}/records`, `${store.name ?? id}.zip`)}
          />
          <Button
            kind="main"
            icon="plus"
            {...(!mayWrite && { why: 'You may only read this store.' })}
            onPress={() => setMaking(true)}
          >
            New record
          </Button>
        </div>
        <RecordTable store={store} list={list} prefix={prefix} onNew={() => setMaking(true)} />
        <footer className="foot">
          <span>{countOf(store.recordCount, 'record')}</span>
        </footer>
      </section>
      <Suspense fallback={null}>
        {key !== undefined && (
          <RecordPane
            storeId={id}
            keyText={key}
            access={access}
            onClose={() => openQuery({ key: undefined, tab: undefined })}
          />
        )}
        {isMaking && <NewRecord storeId={id} prefix={prefix} onClose={() => setMaking(false)} />}
      </Suspense>
    </div>
  )
}
