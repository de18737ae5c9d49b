import { type ReactNode, useState } from 'react'
import { sizeText } from '../../format/format.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { isChanged, removeRecord, shownKey } from '../data/record-actions.ts'
import type { RecordAt, RecordRow } from '../data/record-row.ts'

export interface DeleteLongProps {
  readonly at: RecordAt
  readonly row: RecordRow
  readonly onDeleted: () => void
  readonly onClose: () => void
}

/** Asks before a record is deleted that is too long to be put back. */
export function DeleteLong({ at, row, onDeleted, onClose }: DeleteLongProps): ReactNode {
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)
  const remove = async (): Promise<void> => {
    setBusy(true)
    try {
      await removeRecord(at, row.revision)
      onClose()
      onDeleted()
    } catch (failure) {
      setError(isChanged(failure) ? 'It has just changed. Look at it again.' : sentenceOf(failure))
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={`Delete ${shownKey(at.key)}?`}
      action="Delete"
      isDanger
      isBusy={isBusy}
      error={error}
      onAction={() => void remove()}
      onClose={onClose}
    >
      <p>It has {sizeText(row.size)}. That is too long to be put back: there is no Undo.</p>
    </Dialog>
  )
}
