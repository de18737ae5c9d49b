import { lazy, type ReactNode, Suspense } from 'react'
import { State } from './parts/state.tsx'
import { NotThere } from './shell/not-there.tsx'
import { StoresScreen } from './stores/stores-screen.tsx'

const StoreScreen = lazy(async () => ({
  default: (await import('./store/store-screen.tsx')).StoreScreen,
}))

/** The screen of an address. Only the first one comes with the page; others load when opened. */
export function screenOf(path: readonly string[]): ReactNode {
  return <Suspense fallback={<State kind="loading" />}>{partOf(path)}</Suspense>
}

function partOf(path: readonly string[]): ReactNode {
  const [area = 'storage', part = 'key-value-stores', id, tab = 'records'] = path
  if (area !== 'storage' || part !== 'key-value-stores') return <NotThere />
  if (id === undefined) return <StoresScreen />
  const isTab = tab === 'records' || tab === 'settings'
  return isTab ? <StoreScreen key={id} id={id} tab={tab} /> : <NotThere />
}
