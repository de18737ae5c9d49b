import { type ReactNode, useCallback, useState } from 'react'
import { hrefOf } from '../address/address.ts'
import { open, replaceQuery } from '../address/use-address.ts'
import { Check } from '../parts/check.tsx'
import { State } from '../parts/state.tsx'
import { Rows } from '../rows/rows.tsx'
import { type Selection, useSelection } from '../rows/selection.ts'
import { SortHead } from '../rows/sort-head.tsx'
import { sentenceOf } from '../server/ask.ts'
import { BulkBar } from './bulk-bar.tsx'
import { nameOf, type Sort, type StoreQuery, type StoreRow } from './data/store-rows.ts'
import type { StoreList } from './data/use-store-list.ts'
import { DeleteStores } from './dialogs/delete-stores.tsx'
import { NameIt } from './dialogs/name-it.tsx'
import { NoStores } from './no-stores.tsx'
import { StoreCells, StoreRowActions } from './store-cells.tsx'

/** What is open over the table. */
type Over =
  | { readonly kind: 'name'; readonly store: StoreRow }
  | { readonly kind: 'delete'; readonly stores: readonly StoreRow[] }
  | undefined

interface StoreTableProps {
  readonly list: StoreList
  readonly query: StoreQuery
}

export function StoreTable({ list, query }: StoreTableProps): ReactNode {
  const { rows, isLoading, error, again } = list
  const [cursor, setCursor] = useState(-1)
  const [over, setOver] = useState<Over>()
  const idAt = useCallback((index: number) => rows[index]?.id, [rows])
  const selection = useSelection(idAt)
  const selected = rows.filter(({ id }) => selection.has(id))
  const openAt = (index: number): void => {
    const store = rows[index]
    if (store) open(storeHref(store))
  }
  const close = (): void => setOver(undefined)
  return (
    <>
      {error != null && <State kind="error" text={sentenceOf(error)} onAgain={again} />}
      <Rows
        label="Key-value stores"
        layout="s-row"
        count={rows.length}
        cursor={cursor}
        onCursor={setCursor}
        onOpen={openAt}
        onSelect={selection.toggle}
        onDrawn={list.onDrawn}
        head={<Head query={query} rows={rows} selection={selection} />}
        onKey={({ key }, index) => onRowKey(key, { store: rows[index], selected, setOver })}
        rowAt={(index) => {
          const store = rows[index]
          if (!store) return undefined
          return {
            id: store.id,
            name: `${nameOf(store)} ${store.id}`,
            isSelected: selection.has(store.id),
            cells: (
              <StoreCells
                store={store}
                isSelected={selection.has(store.id)}
                onSelect={() => selection.toggle(index, { isRange: false })}
              />
            ),
            actions: (
              <StoreRowActions
                store={store}
                onName={() => setOver({ kind: 'name', store })}
                onDelete={() => setOver({ kind: 'delete', stores: [store] })}
              />
            ),
          }
        }}
      >
        {isLoading ? (
          <State kind="loading" />
        ) : (
          error == null && <NoStores query={query} hiddenUnnamed={list.hiddenUnnamed} />
        )}
      </Rows>
      {selected.length > 0 && (
        <BulkBar
          stores={selected}
          onDelete={() => setOver({ kind: 'delete', stores: selected })}
          onClear={selection.clear}
        />
      )}
      {over?.kind === 'name' && <NameIt store={over.store} onClose={close} />}
      {over?.kind === 'delete' && (
        <DeleteStores stores={over.stores} onClose={close} onDone={selection.clear} />
      )}
    </>
  )
}

function storeHref({ id }: Pick<StoreRow, 'id'>): string {
  return hrefOf(['storage', 'key-value-stores', id, 'records'])
}

function onRowKey(
  key: string,
  {
    store,
    selected,
    setOver,
  }: {
    readonly store: StoreRow | undefined
    readonly selected: readonly StoreRow[]
    readonly setOver: (over: Over) => void
  },
): boolean {
  if (!store) return false
  if (key === 'e' && store.access === 'manage') setOver({ kind: 'name', store })
  else if (key === 'Delete') {
    setOver({ kind: 'delete', stores: selected.length > 0 ? selected : [store] })
  } else return false
  return true
}

interface HeadProps {
  readonly query: StoreQuery
  readonly rows: readonly StoreRow[]
  readonly selection: Selection
}

function Head({ query, rows, selection }: HeadProps): ReactNode {
  const count = selection.ids.size
  const column = (id: Sort, name: string, more = ''): ReactNode => (
    <SortHead
      name={name}
      className={more}
      direction={query.sort === id ? (query.isDescending ? 'descending' : 'ascending') : undefined}
      onSort={() => sortBy(id, query)}
    />
  )
  return (
    <>
      <span role="columnheader">
        <Check
          label="Select all stores"
          isOn={count > 0 && count === rows.length}
          isPartly={count > 0 && count < rows.length}
          onChange={(isOn) => selection.set(isOn ? rows.map(({ id }) => id) : [])}
        />
      </span>
      {column('name', 'Name')}
      {column('id', 'Store ID', 'hide-s')}
      {column('records', 'Records', 'num hide-s')}
      {column('size', 'Size', 'num hide-s')}
      {column('modified', 'Modified', 'hide-s')}
      {column('expires', 'Expires')}
    </>
  )
}

/** Names begin at A, all else with the largest or newest. A second click turns the order. */
function sortBy(id: Sort, { sort, isDescending }: StoreQuery): void {
  const begins = id === 'name' || id === 'id' ? '' : '-'
  const turned = isDescending ? '' : '-'
  replaceQuery({ sort: `${sort === id ? turned : begins}${id}` })
}
