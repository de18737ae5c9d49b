import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { Button } from '../parts/button.tsx'
import { State } from '../parts/state.tsx'
import { sentenceOf } from '../server/ask.ts'
import type { Action } from '../server/me.ts'
import { noteRecent } from '../shell/recent.ts'
import { isTaken, useKey } from '../shell/shortcuts.ts'
import { draftOf } from './data/drafts.ts'
import { shownKey } from './data/record-actions.ts'
import { type RecordAt, type RowNow, useRecordRow } from './data/record-row.ts'
import { useValue, type ValueNow } from './data/use-value.ts'
import { KeyPath, RecordMeta } from './head/record-head.tsx'
import { RecordTools } from './head/record-tools.tsx'
import { Tabs, useTab } from './head/tabs.tsx'
import { Panel } from './panel.tsx'
import { whyNoEdit } from './why-no-edit.ts'
import '../styles/record.css'
import '../styles/record-value.css'

export interface RecordPaneProps {
  readonly storeId: string
  readonly keyText: string
  /** What the user may do with the record. */
  readonly access: Action
  readonly onClose: () => void
}

/** A record: what it is, its value, and what can be done with it. */
export function RecordPane(props: RecordPaneProps): ReactNode {
  const { storeId, keyText } = props
  const at = useMemo(() => ({ storeId, key: keyText }), [storeId, keyText])
  return <Pane key={`${storeId} ${keyText}`} {...props} at={at} />
}

function Pane({ at, access, onClose }: RecordPaneProps & { readonly at: RecordAt }): ReactNode {
  const now = useRecordRow(at)
  const read = useValue(at, 'decoded')
  const [isEditing, setEditing] = useState(() => draftOf(at) !== undefined)
  const { row } = now
  useKey((event) => {
    if (event.key !== 'Escape' || isTaken(event) || isEditing) return false
    onClose()
    return true
  })
  useEffect(() => {
    noteRecent({ name: shownKey(at.key), note: 'record', href: location.hash })
  }, [at])
  const mayWrite = access !== 'read'
  return (
    <section className="record" aria-label={`Record ${shownKey(at.key)}`}>
      <div className="r-head">
        <KeyPath text={at.key} />
        {row && !isEditing && (
          <RecordTools
            at={at}
            row={row}
            mayWrite={mayWrite}
            whyNoEdit={whyNoEdit(read)}
            onEdit={() => setEditing(true)}
            onDeleted={onClose}
          />
        )}
        {!isEditing && (
          <Button icon="x" label="Close the record" kind="quiet" isSmall onPress={onClose} />
        )}
      </div>
      {row && <RecordMeta at={at} row={row} access={access} />}
      <Body
        at={at}
        access={access}
        now={now}
        read={read}
        isEditing={isEditing}
        onEditing={setEditing}
        onClose={onClose}
      />
    </section>
  )
}

interface BodyProps {
  readonly at: RecordAt
  readonly access: Action
  readonly now: RowNow
  readonly read: ValueNow
  readonly isEditing: boolean
  readonly onEditing: (isEditing: boolean) => void
  readonly onClose: () => void
}

function Body(props: BodyProps): ReactNode {
  const { at, now, read, isEditing } = props
  const error = read.error ?? (now.row ? undefined : now.error)
  const tab = useTab()
  // The stored bytes and the history can be shown of a value that can't be decoded.
  if (error && (tab === 'view' || !now.row)) {
    return (
      <>
        {now.row && <Tabs access={props.access} tab={tab} />}
        <State kind="error" text={sentenceOf(error)} onAgain={read.again} />
      </>
    )
  }
  if (read.isLoading || now.isLoading) return <State kind="loading" />
  if (!read.value && !isEditing && !now.row) {
    return <State kind="empty">There is no record {shownKey(at.key)} in this store.</State>
  }
  return <Panel {...props} tab={tab} />
}
