import type { ReactNode } from 'react'
import { NotThere } from './shell/not-there.tsx'
import { StoresScreen } from './stores/stores-screen.tsx'

/** The screen of an address. Only the first one comes with the page; others load when opened. */
export function screenOf(path: readonly string[]): ReactNode {
  const [area = 'storage', part = 'key-value-stores'] = path
  if (area === 'storage' && part === 'key-value-stores' && path.length < 3) return <StoresScreen />
  return <NotThere />
}
