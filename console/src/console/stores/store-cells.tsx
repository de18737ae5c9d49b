import type { ReactNode } from 'react'
import { hrefOf } from '../address/address.ts'
import { open } from '../address/use-address.ts'
import { agoText, countText, sizeText, timeText } from '../format/format.ts'
import { useNow } from '../format/use-now.ts'
import { Button } from '../parts/button.tsx'
import { Check } from '../parts/check.tsx'
import { Icon } from '../parts/icon.tsx'
import type { IconName } from '../parts/icon-names.ts'
import { Menu } from '../parts/menu.tsx'
import { Until } from '../parts/until.tsx'
import { download } from '../server/download.ts'
import { useMe } from '../server/me.ts'
import { openStore } from './data/open-store.ts'
import { nameOf, type StoreRow, storePath } from './data/store-rows.ts'

interface StoreCellsProps {
  readonly store: StoreRow
  readonly isSelected: boolean
  readonly onSelect: () => void
}

/** The cells of a store in the list. */
export function StoreCells({ store, isSelected, onSelect }: StoreCellsProps): ReactNode {
  const now = useNow()
  const me = useMe()
  const { id, name, username, userId } = store
  const href = hrefOf(['storage', 'key-value-stores', id, 'records'])
  const modified = Date.parse(store.modifiedAt)
  const expires = store.expiresAt === null ? undefined : Date.parse(store.expiresAt)
  const records = countText(store.recordCount)
  return (
    <>
      <span role="gridcell">
        <Check label={`Select ${nameOf(store)}`} isOn={isSelected} onChange={onSelect} />
      </span>
      <span role="gridcell" className="two">
        <a className="name" href={href}>
          <Icon name={iconOf(store)} />
          {name === null ? <i>{nameOf(store)}</i> : <b>{name}</b>}
          {me && userId !== me.id && (
            <span className="chip">
              <Icon name="users" />
              shared by {username ?? userId}
            </span>
          )}
        </a>
        <span className="sub">
          {records} records, {sizeText(store.storageBytes)}, {agoText(modified, now)}
        </span>
      </span>
      <span role="gridcell" className="hide-s">
        <a className="tag" href={href}>
          {id}
        </a>
      </span>
      <span role="gridcell" className="num hide-s">
        {records}
      </span>
      <span role="gridcell" className="num hide-s">
        {sizeText(store.storageBytes)}
      </span>
      <span role="gridcell" className="soft hide-s" title={timeText(modified)}>
        {agoText(modified, now)}
      </span>
      <span role="gridcell">
        <Until at={expires} />
      </span>
    </>
  )
}

interface StoreRowActionsProps {
  readonly store: StoreRow
  readonly onName: () => void
  readonly onDelete: () => void
}

/** What can be done with a store from its row. */
export function StoreRowActions({ store, onName, onDelete }: StoreRowActionsProps): ReactNode {
  const { id, name, access } = store
  const mayManage = access === 'manage'
  const settings = hrefOf(['storage', 'key-value-stores', id, 'settings'])
  return (
    <>
      <Button isSmall icon="eye" onPress={() => void openStore(store)}>
        View
      </Button>
      {mayManage && (
        <Button isSmall icon="tag" onPress={onName}>
          {name === null ? 'Name it' : 'Rename'}
        </Button>
      )}
      <Menu
        isSmall
        label={`Actions of ${nameOf(store)}`}
        actions={[
          ...(mayManage
            ? [{ name: 'Settings', icon: 'settings' as const, onAction: () => open(settings) }]
            : []),
          {
            name: 'Download',
            icon: 'download',
            onAction: () => void download(`${storePath(id)}/records`, `${name ?? id}.zip`),
          },
          ...(mayManage
            ? [{ name: 'Delete', icon: 'trash-2' as const, isDanger: true, onAction: onDelete }]
            : []),
        ]}
      />
    </>
  )
}

function iconOf({ kind, name }: StoreRow): IconName {
  if (kind === 'project') return 'blocks'
  if (kind === 'session') return 'plug'
  return name === null ? 'folder-clock' : 'database'
}
