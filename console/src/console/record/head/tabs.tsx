import type { ReactNode } from 'react'
import { hrefOf } from '../../address/address.ts'
import { useAddress } from '../../address/use-address.ts'
import type { Action } from '../../server/me.ts'

export type Tab = 'view' | 'raw' | 'history'

/** The way that the address says. */
export function useTab(): Tab {
  const { tab } = useAddress().query
  return tab === 'raw' || tab === 'history' ? tab : 'view'
}

/** The three ways to look at a record. Its history is for those who manage the store. */
export function Tabs({
  access,
  tab,
  onTools,
}: {
  readonly access: Action
  readonly tab: Tab
  /** Takes the place for the buttons of the shown way. */
  readonly onTools?: (element: HTMLElement | null) => void
}): ReactNode {
  const { path, query } = useAddress()
  const names: readonly (readonly [Tab, string])[] = [
    ['view', 'View'],
    ['raw', 'Raw'],
    ...(access === 'manage' ? ([['history', 'History']] as const) : []),
  ]
  return (
    <nav className="subtabs" aria-label="Ways to see the record">
      {names.map(([one, name]) => (
        <a
          key={one}
          href={hrefOf(path, { ...query, tab: one === 'view' ? undefined : one })}
          {...(one === tab && { 'aria-current': 'page' as const })}
        >
          {name}
        </a>
      ))}
      <span className="grow" />
      <span ref={onTools} className="tools" />
    </nav>
  )
}
