import { useQuery } from '@tanstack/react-query'
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react'
import { agoText } from '../../format/format.ts'
import { useNow } from '../../format/use-now.ts'
import { Button } from '../../parts/button.tsx'
import { State } from '../../parts/state.tsx'
import type { Action } from '../../server/me.ts'
import { readHistory, whoOf } from '../data/history.ts'
import type { RecordAt } from '../data/record-row.ts'
import { formatIfJson } from '../json/json-lines.ts'
import { LeaveAsk } from './leave-ask.tsx'
import type { Edit, Found } from './use-edit.ts'

const CompareView = lazy(async () => ({
  default: (await import('./compare-view.tsx')).CompareView,
}))

export interface ConflictProps {
  readonly at: RecordAt
  readonly edit: Edit
  readonly conflict: Found
  readonly access: Action
  readonly isJson: boolean
  readonly onDiscard: () => void
}

/** Somebody else was faster: the user sees both sides and decides. */
export function Conflict(props: ConflictProps): ReactNode {
  const { at, edit, conflict, access } = props
  const deed = conflict.kind === 'deleted' ? 'deleted' : 'changed'
  const said = useLastDeed(at, access, deed)
  return (
    <div className="edit">
      <p className="note warn" role="alert">
        <span>
          <b>{said}</b> Yours is not saved.
        </span>
      </p>
      {edit.error !== '' && <State kind="error" text={edit.error} />}
      {conflict.kind === 'deleted' ? (
        <Deleted {...props} />
      ) : (
        <Changed {...props} found={conflict} />
      )}
      <LeaveAsk edit={edit} />
    </div>
  )
}

function Deleted({ edit, onDiscard }: ConflictProps): ReactNode {
  return (
    <>
      <pre className="wrapped lines">{edit.draft.text}</pre>
      <div className="edit-foot">
        <span className="soft">This is what you typed.</span>
        <Button isSmall onPress={onDiscard}>
          Discard
        </Button>
        <Button
          kind="main"
          isSmall
          isDisabled={edit.isBusy}
          onPress={() => void edit.save({ text: edit.draft.text, ifRevision: 0 })}
        >
          Put it back
        </Button>
      </div>
    </>
  )
}

function Changed({
  edit,
  found,
  isJson,
  onDiscard,
}: ConflictProps & { readonly found: Extract<Found, { kind: 'changed' }> }): ReactNode {
  const [mine] = useState(edit.draft.text)
  const { revision } = found.value
  const theirs = useMemo(() => likeMine(found.text ?? '', mine, isJson), [found, mine, isJson])
  const isMerged = edit.draft.text !== mine
  const save = (text: string): void => void edit.save({ text, ifRevision: revision })
  return (
    <>
      <Suspense fallback={<State kind="loading" />}>
        <CompareView
          left={theirs}
          leftName="Theirs"
          right={mine}
          rightName="Mine"
          isJson={isJson}
          onChange={edit.type}
        />
      </Suspense>
      <div className="edit-foot">
        <span className="soft">
          {found.text === undefined ? 'Theirs is not text.' : 'You may edit the right side.'}
        </span>
        <Button isSmall onPress={onDiscard}>
          Take theirs
        </Button>
        <Button isSmall isDisabled={edit.isBusy} onPress={() => save(mine)}>
          Keep mine
        </Button>
        <Button
          kind="main"
          isSmall
          isDisabled={edit.isBusy}
          {...(!isMerged && { why: 'Take over pieces by the arrows, or edit the right side.' })}
          onPress={() => save(edit.textNow())}
        >
          Save merged
        </Button>
      </div>
    </>
  )
}

/** If mine is laid out, so is theirs: only what is different in it stands out. */
function likeMine(theirs: string, mine: string, isJson: boolean): string {
  return isJson && formatIfJson(mine) === mine ? formatIfJson(theirs) : theirs
}

/** `joe changed this 5 s ago.` Who it was is seen by those who manage the store. */
function useLastDeed(at: RecordAt, access: Action, deed: string): string {
  const now = useNow()
  const { data } = useQuery({
    queryKey: ['record-last-deed', at.storeId, at.key, deed],
    queryFn: async () => (await readHistory(at)).items[0] ?? null,
    enabled: access === 'manage',
    staleTime: 0,
  })
  if (!data) return `Somebody ${deed} this meanwhile.`
  return `${whoOf(data)} ${deed} this ${soonText(Date.parse(data.at), now)}.`
}

function soonText(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1_000)
  return seconds >= 1 && seconds < 45 ? `${seconds} s ago` : agoText(at, now)
}
