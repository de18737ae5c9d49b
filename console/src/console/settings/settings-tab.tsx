import type { ReactNode } from 'react'
import type { StoreInfo } from '../../../../client/src/stores/store-info.ts'
import { State } from '../parts/state.tsx'
import { GeneralAccessPanel } from './general-access.tsx'
import { NamePanel } from './name-panel.tsx'
import { PeoplePanel } from './people-panel.tsx'
import { SecretPanel } from './secret-panel.tsx'
import { useAccess } from './store-access.ts'

/** The settings of a store, for those who manage it. */
export function SettingsTab({ store }: { readonly store: StoreInfo }): ReactNode {
  const access = useAccess(store.id)
  return (
    <div className="page">
      <NamePanel key={store.name} store={store} />
      {access ? (
        <>
          <GeneralAccessPanel storeId={store.id} level={access.generalAccess} />
          <PeoplePanel storeId={store.id} shares={access.shares} />
        </>
      ) : (
        <State kind="loading" />
      )}
      <SecretPanel storeId={store.id} />
    </div>
  )
}
