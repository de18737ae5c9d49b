import type { ReactNode } from 'react'
import type { GeneralAccess, StoreInfo } from '../../../../client/src/stores/store-info.ts'
import { agoText, countText, sizeText, timeText, untilText } from '../format/format.ts'
import { useNow } from '../format/use-now.ts'
import { Button } from '../parts/button.tsx'
import { Icon } from '../parts/icon.tsx'
import { Menu } from '../parts/menu.tsx'
import { Tag } from '../parts/tag.tsx'
import { say } from '../parts/toasts.tsx'
import { sentenceOf } from '../server/ask.ts'
import { renameStore } from '../stores/data/store-actions.ts'
import { nameOf } from '../stores/data/store-rows.ts'

interface StoreHeadProps {
  readonly store: StoreInfo
  readonly onName: () => void
  readonly onDelete: () => void
}

/** The title of a store, its id, who may read it, and what it holds. */
export function StoreHead({ store, onName, onDelete }: StoreHeadProps): ReactNode {
  const now = useNow()
  const { id, name, access, expiresAt, generalAccess } = store
  const isManaged = access === 'manage'
  return (
    <>
      <div className="head-block">
        <h1>{name ?? <i>{nameOf(store)}</i>}</h1>
        {isManaged && (
          <Button
            isSmall
            kind="quiet"
            icon="pencil"
            label={name === null ? 'Name it' : 'Rename'}
            onPress={onName}
          />
        )}
        <Tag id={id} label="Store ID" />
        {name === null && <span className="chip">Unnamed</span>}
        <span className="chip hide-s">
          <Icon name={generalAccess.startsWith('ANYONE') ? 'globe' : 'lock'} />
          {accessNames[generalAccess]}
        </span>
        {expiresAt !== null && (
          <span className="chip warn" title={timeText(Date.parse(expiresAt))}>
            Will be deleted {untilText(Date.parse(expiresAt), now)}
          </span>
        )}
        <span className="grow" />
        {isManaged && (
          <Menu
            label="Actions of this store"
            actions={[
              { name: name === null ? 'Name it' : 'Rename', icon: 'tag', onAction: onName },
              ...(name === null
                ? []
                : [{ name: 'Take the name away', onAction: () => void unname(id) }]),
              { name: 'Delete', icon: 'trash-2', isDanger: true, onAction: onDelete },
            ]}
          >
            Actions
          </Menu>
        )}
      </div>
      <Facts store={store} now={now} />
    </>
  )
}

const accessNames: Readonly<Record<GeneralAccess, string>> = {
  FOLLOW_USER_SETTING: "As the owner's setting",
  RESTRICTED: 'Restricted',
  ANYONE_WITH_ID_CAN_READ: 'Anyone with the ID',
  ANYONE_WITH_NAME_CAN_READ: 'Anyone with the ID or name',
}

function Facts({ store, now }: { readonly store: StoreInfo; readonly now: number }): ReactNode {
  const { username, recordCount, stats, modifiedAt } = store
  const modified = Date.parse(modifiedAt)
  return (
    <div className="meta">
      <span>
        Owner <b>{username ?? store.userId}</b>
      </span>
      <span>
        Records <b>{countText(recordCount)}</b>
      </span>
      <span>
        Size <b>{sizeText(stats.storageBytes)}</b>
      </span>
      <span className="hide-s" title={timeText(modified)}>
        Modified <b>{agoText(modified, now)}</b>
      </span>
      <span className="hide-s">
        Operations <b>{countText(stats.readCount)}</b> reads <b>{countText(stats.writeCount)}</b>{' '}
        writes <b>{countText(stats.deleteCount)}</b> deletes <b>{countText(stats.listCount)}</b>{' '}
        lists
      </span>
    </div>
  )
}

async function unname(id: string): Promise<void> {
  try {
    await renameStore(id, null)
    say({ text: 'The store has no name any more. Its time left is shown beside its name.' })
  } catch (error) {
    say({ text: sentenceOf(error), isError: true })
  }
}
