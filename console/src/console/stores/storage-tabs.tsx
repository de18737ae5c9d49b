import type { ReactNode } from 'react'

/** The parts of Storage. */
export function StorageTabs(): ReactNode {
  return (
    <nav className="tabs" aria-label="Storage">
      <a href="#/storage/key-value-stores" aria-current="page">
        Key-value stores
      </a>
    </nav>
  )
}
