import type { ReactNode } from 'react'
import { useCrumbs } from './crumbs.ts'

/** For an address that leads nowhere. */
export function NotThere(): ReactNode {
  useCrumbs([{ name: 'Not found' }])
  return (
    <div className="state">
      <h1>There is no such page</h1>
      <p>
        The address may be cut. <a href="#/storage/key-value-stores">Open Storage</a>
      </p>
    </div>
  )
}
