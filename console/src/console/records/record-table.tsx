import { type ReactNode, useState } from 'react'
import type { StoreInfo } from '../../../../client/src/stores/store-info.ts'
import { openQuery, replaceQuery, useAddress } from '../address/use-address.ts'
import { shortAgoText, sizeText, timeText } from '../format/format.ts'
import { useNow } from '../format/use-now.ts'
import { Button } from '../parts/button.tsx'
import { Icon } from '../parts/icon.tsx'
import type { IconName } from '../parts/icon-names.ts'
import { State } from '../parts/state.tsx'
import {
  copyLink,
  deleteOrSay,
  fileNameOf,
  recordPath,
  shownKey,
  undoBytesMax,
} from '../record/data/record-actions.ts'
import { DeleteLong } from '../record/head/delete-long.tsx'
import { Rows } from '../rows/rows.tsx'
import { sentenceOf } from '../server/ask.ts'
import { download } from '../server/download.ts'
import type { ListedRecord, RecordList } from './use-records.ts'

interface RecordTableProps {
  readonly store: StoreInfo
  readonly list: RecordList
  readonly prefix: string
  readonly onNew: () => void
}

/** The list of the records. */
export function RecordTable({ store, list, prefix, onNew }: RecordTableProps): ReactNode {
  const { rows, error, isLoading } = list
  const { key } = useAddress().query
  // By its key: what changes above it must not move another record under it.
  const [current, setCurrent] = useState(key)
  const cursor = current === undefined ? -1 : rows.findIndex((row) => row.key === current)
  const [long, setLong] = useState<ListedRecord>()
  const now = useNow()
  const openAt = (index: number): void => {
    const row = rows[index]
    if (row) openQuery({ key: row.key })
  }
  const remove = (row: ListedRecord | undefined): boolean => {
    if (!row || store.access === 'read') return false
    if (row.size > undoBytesMax) setLong(row)
    else void deleteOrSay({ storeId: store.id, key: row.key }, row.revision)
    return true
  }
  return (
    <>
      {error != null && <State kind="error" text={sentenceOf(error)} onAgain={list.again} />}
      <Rows
        label="Records"
        layout="r-row"
        count={rows.length + (list.hasMore ? 1 : 0)}
        cursor={cursor}
        onCursor={(index) => setCurrent(rows[index]?.key)}
        onOpen={openAt}
        onDrawn={list.onDrawn}
        onKey={(event, index) => event.key === 'Delete' && remove(rows[index])}
        head={<Head />}
        rowAt={(index) => {
          const row = rows[index]
          if (!row) return undefined
          return {
            id: `key ${row.key}`,
            name: shownKey(row.key),
            isSelected: row.key === key,
            cells: <Cells row={row} now={now} />,
            actions: (
              <Actions
                storeId={store.id}
                row={row}
                onDelete={() => remove(row)}
                mayWrite={store.access !== 'read'}
              />
            ),
          }
        }}
      >
        {isLoading ? (
          <State kind="loading" />
        ) : (
          error == null && (
            <Nothing prefix={prefix} onNew={onNew} mayWrite={store.access !== 'read'} />
          )
        )}
      </Rows>
      {long && (
        <DeleteLong
          at={{ storeId: store.id, key: long.key }}
          row={{ ...long, contentEncoding: undefined, publicUrl: long.recordPublicUrl }}
          onDeleted={() => undefined}
          onClose={() => setLong(undefined)}
        />
      )}
    </>
  )
}

function Head(): ReactNode {
  return (
    <>
      <span role="columnheader">Key</span>
      <span role="columnheader" className="num">
        Size
      </span>
      <span role="columnheader" className="num hide-s">
        Changed
      </span>
    </>
  )
}

function Cells({ row, now }: { readonly row: ListedRecord; readonly now: number }): ReactNode {
  const modified = Date.parse(row.modifiedAt)
  return (
    <>
      <span role="gridcell" className="name">
        <Icon name={iconOf(row.contentType)} />
        <code>{shownKey(row.key)}</code>
        <u>{badgeOf(row.contentType)}</u>
      </span>
      <span role="gridcell" className="num">
        {sizeText(row.size)}
      </span>
      <span role="gridcell" className="num soft hide-s" title={timeText(modified)}>
        {shortAgoText(modified, now)}
      </span>
    </>
  )
}

interface ActionsProps {
  readonly storeId: string
  readonly row: ListedRecord
  readonly mayWrite: boolean
  readonly onDelete: () => void
}

function Actions({ storeId, row, mayWrite, onDelete }: ActionsProps): ReactNode {
  const { key, recordPublicUrl } = row
  return (
    <>
      <Button isSmall icon="eye" onPress={() => openQuery({ key })}>
        View
      </Button>
      <Button
        isSmall
        icon="link"
        label="Copy link"
        onPress={() => void copyLink(recordPublicUrl)}
      />
      <Button
        isSmall
        icon="download"
        label="Download"
        onPress={() => void download(recordPath({ storeId, key }), fileNameOf(key))}
      />
      {mayWrite && (
        <Button isSmall icon="trash-2" label="Delete" kind="danger" onPress={onDelete} />
      )}
    </>
  )
}

interface NothingProps {
  readonly prefix: string
  readonly mayWrite: boolean
  readonly onNew: () => void
}

function Nothing({ prefix, mayWrite, onNew }: NothingProps): ReactNode {
  if (prefix !== '') {
    return (
      <State kind="empty">
        <p>No key begins with this.</p>
        <Button onPress={() => replaceQuery({ prefix: undefined })}>Show all</Button>
      </State>
    )
  }
  return (
    <State kind="empty">
      <p>No records yet.</p>
      {mayWrite && <Button onPress={onNew}>New record</Button>}
    </State>
  )
}

function iconOf(contentType: string): IconName {
  if (/\bjson\b/i.test(contentType)) return 'file-json'
  if (/^image\//i.test(contentType)) return 'image'
  if (/^audio\//i.test(contentType)) return 'music'
  if (/^video\//i.test(contentType)) return 'video'
  if (/html|xml|javascript/i.test(contentType)) return 'file-code'
  return /^text\//i.test(contentType) ? 'file-text' : 'binary'
}

/** `JSON` of `application/json; charset=utf-8`, `PNG` of `image/png`. */
function badgeOf(contentType: string): string {
  const [, subtype = contentType] = /^[^/]+\/([^;]+)/.exec(contentType) ?? []
  return subtype
    .replace(/^(x-|vnd\.)/, '')
    .replace(/^.*\+/, '')
    .slice(0, 12)
    .toUpperCase()
}
