import { type ReactNode, useState } from 'react'
import { openQuery } from '../../address/use-address.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { say } from '../../parts/toasts.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { useAction } from '../../server/use-action.ts'
import { moveRecord, shownKey } from '../data/record-actions.ts'
import type { RecordAt } from '../data/record-row.ts'

export interface RenameRecordProps {
  readonly at: RecordAt
  readonly onClose: () => void
}

/** Gives the record another key. */
export function RenameRecord({ at, onClose }: RenameRecordProps): ReactNode {
  const [to, setTo] = useState(at.key)
  const { isBusy, error, run, forgive } = useAction()
  const rename = (): Promise<boolean> =>
    run(async () => {
      await moveRecord(at, to)
      say({
        text: `${shownKey(at.key)} is ${shownKey(to)} now.`,
        action: { name: 'Undo', onAction: () => void undo({ ...at, key: to }, at.key) },
      })
      onClose()
      openQuery({ key: to })
    })
  return (
    <Dialog
      title={`Rename ${shownKey(at.key)}`}
      action="Rename"
      isBusy={isBusy}
      isIncomplete={to === at.key}
      onAction={() => void rename()}
      onClose={onClose}
    >
      <Field
        label="Key"
        isMono
        autoFocus
        value={to}
        error={error}
        hint="The value, its type and its encoding stay."
        onChange={(next) => {
          setTo(next)
          forgive()
        }}
      />
    </Dialog>
  )
}

async function undo(at: RecordAt, to: string): Promise<void> {
  try {
    await moveRecord(at, to)
    openQuery({ key: to })
  } catch (error) {
    say({ text: sentenceOf(error), isError: true })
  }
}
