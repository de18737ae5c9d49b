import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { agoText } from '../../format/format.ts'
import { useNow } from '../../format/use-now.ts'
import { Button } from '../../parts/button.tsx'
import { Icon } from '../../parts/icon.tsx'
import type { Action } from '../../server/me.ts'
import { whoOf, writerOf } from '../data/history.ts'
import type { RecordAt, RecordRow } from '../data/record-row.ts'

export interface ChangedNoteProps {
  readonly at: RecordAt
  readonly row: RecordRow
  readonly access: Action
  readonly onCompare: (() => void) | undefined
  readonly onShow: () => void
}

/** Says that the record is another one than what the user sees. */
export function ChangedNote({ at, row, access, onCompare, onShow }: ChangedNoteProps): ReactNode {
  const now = useNow()
  const { data: writer } = useQuery({
    queryKey: ['record-writer', at.storeId, at.key, row.revision],
    queryFn: async () => (await writerOf(at, row.revision)) ?? null,
    enabled: access === 'manage',
    staleTime: Number.POSITIVE_INFINITY,
  })
  return (
    <div className="note" role="status">
      <Icon name="info" />
      <span>
        <b>Changed {agoText(Date.parse(row.modifiedAt), now)}</b>
        {writer && ` by ${whoOf(writer)}`}. You see the version from before.
      </span>
      {onCompare && (
        <Button isSmall onPress={onCompare}>
          Compare
        </Button>
      )}
      <Button isSmall onPress={onShow}>
        Show new
      </Button>
    </div>
  )
}
