import { type ReactNode, useEffect, useState } from 'react'
import { replaceQuery, useAddress } from '../address/use-address.ts'
import { countOf, countText, sizeText } from '../format/format.ts'
import { Button } from '../parts/button.tsx'
import { Check } from '../parts/check.tsx'
import { Field } from '../parts/field.tsx'
import { mayInAll, useMe } from '../server/me.ts'
import { useCrumbs } from '../shell/crumbs.ts'
import { useLetter } from '../shell/shortcuts.ts'
import { type Sort, type StoreQuery, sorts } from './data/store-rows.ts'
import { useStoreList } from './data/use-store-list.ts'
import { NewStore } from './dialogs/new-store.tsx'
import { StorageTabs } from './storage-tabs.tsx'
import { StoreTable } from './store-table.tsx'

const keptName = 'coatcheck-include-unnamed'

/** Storage, Key-value stores. */
export function StoresScreen(): ReactNode {
  useCrumbs([{ name: 'Storage' }])
  const query = useStoreQuery()
  const list = useStoreList(query)
  const [isMaking, setMaking] = useState(false)
  const mayCreate = mayInAll(useMe(), 'write')
  useLetter('n', mayCreate ? () => setMaking(true) : undefined)
  return (
    <>
      <StorageTabs />
      <div className="bar">
        <div data-filter className="wide-field">
          <Field
            label="Search by name or ID"
            isLabelHidden
            icon="search"
            placeholder="Search by name or ID"
            keys="/"
            value={query.q}
            onChange={(q) => replaceQuery({ q: q === '' ? undefined : q })}
          />
        </div>
        <Check isOn={query.unnamed} onChange={includeUnnamed}>
          Include unnamed key-value stores
        </Check>
        <span className="grow" />
        <Button
          kind="main"
          icon="plus"
          {...(!mayCreate && { why: 'Your token may not create stores.' })}
          onPress={() => setMaking(true)}
        >
          New store
        </Button>
      </div>
      <StoreTable list={list} query={query} />
      <Foot list={list} />
      {isMaking && <NewStore onClose={() => setMaking(false)} />}
    </>
  )
}

function Foot({ list }: { readonly list: ReturnType<typeof useStoreList> }): ReactNode {
  const records = list.rows.reduce((sum, { recordCount }) => sum + recordCount, 0)
  const bytes = list.rows.reduce((sum, { storageBytes }) => sum + storageBytes, 0)
  const isWhole = list.rows.length === list.total
  return (
    <footer className="foot">
      <span>{countOf(list.total, 'store')}</span>
      {isWhole && (
        <>
          <span>{countText(records)} records</span>
          <span>{sizeText(bytes)}</span>
        </>
      )}
      <span className="grow" />
      <Hint keys={['j', 'k']} what="move" />
      <Hint keys={['Enter']} what="open" />
      <Hint keys={['x']} what="select" />
      <Hint keys={['e']} what="name" />
      <Hint keys={['?']} what="all keys" />
    </footer>
  )
}

function Hint({
  keys,
  what,
}: {
  readonly keys: readonly string[]
  readonly what: string
}): ReactNode {
  return (
    <span>
      {keys.map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
      {what}
    </span>
  )
}

/** The address says what is listed; the browser remembers whether unnamed ones are. */
function useStoreQuery(): StoreQuery {
  const { query } = useAddress()
  useEffect(() => {
    if (query.unnamed !== undefined) localStorage.setItem(keptName, query.unnamed)
  }, [query.unnamed])
  const { sort: sorted = '-modified' } = query
  const sort = sorts.find((one) => one === sorted.replace(/^-/, '')) ?? ('modified' satisfies Sort)
  return {
    q: query.q ?? '',
    unnamed: (query.unnamed ?? localStorage.getItem(keptName)) === '1',
    sort,
    isDescending: sorted.startsWith('-'),
  }
}

function includeUnnamed(isOn: boolean): void {
  replaceQuery({ unnamed: isOn ? '1' : '0' })
}
