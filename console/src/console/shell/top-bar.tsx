import { Fragment, type ReactNode, useSyncExternalStore } from 'react'
import { Button } from 'react-aria-components'
import { Icon } from '../parts/icon.tsx'
import { currentCrumbs, subscribeCrumbs } from './crumbs.ts'

/** Where the user is, and the way to anywhere else. */
export function TopBar({ onPalette }: { readonly onPalette: () => void }): ReactNode {
  const crumbs = useSyncExternalStore(subscribeCrumbs, currentCrumbs)
  return (
    <div className="top">
      <nav className="crumbs" aria-label="Breadcrumbs">
        {crumbs.map(({ name, href }, at) => (
          <Fragment key={href ?? name}>
            {at > 0 && <Icon name="chevron-right" />}
            {href === undefined ? <b>{name}</b> : <a href={href}>{name}</a>}
          </Fragment>
        ))}
      </nav>
      <Button className="jump" aria-label="Search or jump to" onPress={onPalette}>
        <Icon name="search" />
        <span>Search or jump to</span>
        <kbd>Ctrl K</kbd>
      </Button>
    </div>
  )
}
