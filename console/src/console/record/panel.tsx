import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react'
import { Button } from '../parts/button.tsx'
import { State } from '../parts/state.tsx'
import { say } from '../parts/toasts.tsx'
import { sentenceOf } from '../server/ask.ts'
import type { Action } from '../server/me.ts'
import { draftOf } from './data/drafts.ts'
import { isChanged, saveRecord } from './data/record-actions.ts'
import type { RecordAt, RowNow } from './data/record-row.ts'
import { type RecordValue, textIn } from './data/record-value.ts'
import type { ValueNow } from './data/use-value.ts'
import { EditRecord } from './edit/edit-record.tsx'
import { ChangedNote } from './head/changed-note.tsx'
import { type Tab, Tabs } from './head/tabs.tsx'
import { HistoryTab } from './tabs/history-tab.tsx'
import { RawTab } from './tabs/raw-tab.tsx'
import { ValueView } from './view/value-view.tsx'

const CompareNow = lazy(async () => ({
  default: (await import('./edit/compare-now.tsx')).CompareNow,
}))

export interface PanelProps {
  readonly at: RecordAt
  readonly access: Action
  readonly now: RowNow
  readonly read: ValueNow
  readonly tab: Tab
  readonly isEditing: boolean
  readonly onEditing: (isEditing: boolean) => void
  readonly onClose: () => void
}

/** The value, or its editor. */
export function Panel(props: PanelProps): ReactNode {
  const { at, access, read, isEditing, onEditing, onClose } = props
  const { value } = read
  const base = useMemo(() => baseOf(at, value), [at, value])
  if (!isEditing || !base) return <Shown {...props} />
  return (
    <EditRecord
      at={at}
      base={base}
      access={access}
      onDone={() => {
        onEditing(false)
        read.again()
      }}
      onGone={onClose}
    />
  )
}

function baseOf(at: RecordAt, value: RecordValue | undefined) {
  const draft = draftOf(at)
  if (draft) {
    const { baseText, baseRevision, contentType } = draft
    return { text: baseText, revision: baseRevision, contentType }
  }
  const text = value && textIn(value)
  if (!value || text === undefined) return undefined
  return { text, revision: value.revision, contentType: value.contentType }
}

function Shown(props: PanelProps): ReactNode {
  const { at, access, now, read, tab, onClose } = props
  const { value } = read
  const { row } = now
  const [tools, setTools] = useState<HTMLElement | null>(null)
  const [isComparing, setComparing] = useState(false)
  const isOld = row !== undefined && value !== undefined && row.revision > value.revision
  const isText = value !== undefined && textIn(value) !== undefined
  return (
    <>
      {isOld && (
        <ChangedNote
          at={at}
          row={row}
          access={access}
          onCompare={isText ? () => setComparing(!isComparing) : undefined}
          onShow={() => {
            setComparing(false)
            read.again()
          }}
        />
      )}
      {!row && !now.isLoading && !now.error && value && (
        <GoneNote at={at} value={value} mayWrite={access !== 'read'} onClose={onClose} />
      )}
      <Tabs access={access} tab={tab} onTools={setTools} />
      {isComparing && isOld && value ? (
        <Suspense fallback={<State kind="loading" />}>
          <CompareNow at={at} before={value} revision={row.revision} />
        </Suspense>
      ) : (
        <OneTab {...props} tools={tools} />
      )}
    </>
  )
}

function OneTab({
  at,
  now,
  read,
  tab,
  tools,
}: PanelProps & { readonly tools: HTMLElement | null }): ReactNode {
  const revision = read.value?.revision ?? 0
  if (tab === 'raw') return <RawTab key={revision} at={at} />
  if (tab === 'history') return <HistoryTab at={at} revision={now.row?.revision ?? revision} />
  return read.value ? <ValueView at={at} value={read.value} tools={tools} /> : null
}

/** Somebody has deleted what the user sees. */
function GoneNote({
  at,
  value,
  mayWrite,
  onClose,
}: {
  readonly at: RecordAt
  readonly value: RecordValue
  readonly mayWrite: boolean
  readonly onClose: () => void
}): ReactNode {
  const putBack = async (): Promise<void> => {
    try {
      const { contentType, bytes } = value
      await saveRecord(at, { contentType, body: bytes, ifRevision: 0 })
    } catch (error) {
      const text = isChanged(error) ? 'Meanwhile it is there again.' : sentenceOf(error)
      say({ text, isError: true })
    }
  }
  return (
    <div className="note warn" role="status">
      <span>
        <b>This record was deleted.</b> You see what it was.
      </span>
      {mayWrite && value.isWhole && (
        <Button isSmall onPress={() => void putBack()}>
          Put it back
        </Button>
      )}
      <Button isSmall onPress={onClose}>
        Close
      </Button>
    </div>
  )
}
