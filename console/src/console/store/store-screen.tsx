import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import { open } from '../address/use-address.ts'
import { State } from '../parts/state.tsx'
import { RecordsTab } from '../records/records-tab.tsx'
import { sentenceOf } from '../server/ask.ts'
import { useCrumbs } from '../shell/crumbs.ts'
import { noteRecent } from '../shell/recent.ts'
import { nameOf } from '../stores/data/store-rows.ts'
import { useStore } from '../stores/data/use-store.ts'
import { DeleteStores } from '../stores/dialogs/delete-stores.tsx'
import { NameIt } from '../stores/dialogs/name-it.tsx'
import { StoreHead } from './store-head.tsx'
import '../styles/store.css'

const storage = '#/storage/key-value-stores'

export type StoreTab = 'records' | 'settings'

interface StoreScreenProps {
  readonly id: string
  readonly tab: StoreTab
}

const SettingsTab = lazy(async () => ({
  default: (await import('../settings/settings-tab.tsx')).SettingsTab,
}))

/** A store: what it is, what can be done with it, and the tab of the address. */
export function StoreScreen({ id, tab }: StoreScreenProps): ReactNode {
  const { store, error, again } = useStore(id)
  const [over, setOver] = useState<'name' | 'delete' | undefined>()
  const name = store ? nameOf(store) : id
  useCrumbs([
    { name: 'Storage', href: '#/storage' },
    { name: 'Key-value stores', href: storage },
    { name },
  ])
  useEffect(() => {
    if (store) noteRecent({ name, note: id, href: `${storage}/${id}/records` })
  }, [store, name, id])
  if (!store) {
    return error == null ? (
      <State kind="loading" />
    ) : (
      <State kind="error" text={sentenceOf(error)} onAgain={again} />
    )
  }
  const row = { ...store, storageBytes: store.stats.storageBytes }
  const close = (): void => setOver(undefined)
  return (
    <>
      <StoreHead store={store} onName={() => setOver('name')} onDelete={() => setOver('delete')} />
      {error != null && <State kind="error" text={sentenceOf(error)} onAgain={again} />}
      <Tabs id={id} tab={tab} isManaged={store.access === 'manage'} />
      <Suspense fallback={<State kind="loading" />}>
        {tab === 'settings' ? <SettingsTab store={store} /> : <RecordsTab store={store} />}
      </Suspense>
      {over === 'name' && <NameIt store={row} onClose={close} />}
      {over === 'delete' && (
        <DeleteStores stores={[row]} onClose={close} onDone={() => open(storage)} />
      )}
    </>
  )
}

interface TabsProps {
  readonly id: string
  readonly tab: StoreTab
  readonly isManaged: boolean
}

function Tabs({ id, tab, isManaged }: TabsProps): ReactNode {
  const names = isManaged ? (['records', 'settings'] as const) : (['records'] as const)
  return (
    <nav className="tabs" aria-label="Store">
      {names.map((name) => (
        <a
          key={name}
          href={`${storage}/${id}/${name}`}
          {...(name === tab && { 'aria-current': 'page' })}
        >
          {name === 'records' ? 'Records' : 'Settings'}
        </a>
      ))}
    </nav>
  )
}
