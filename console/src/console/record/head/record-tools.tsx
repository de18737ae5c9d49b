import { type ReactNode, useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { Menu } from '../../parts/menu.tsx'
import { copyText } from '../../parts/tag.tsx'
import { say } from '../../parts/toasts.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { download } from '../../server/download.ts'
import { useLetter } from '../../shell/shortcuts.ts'
import {
  deleteRecord,
  fileNameOf,
  isChanged,
  recordPath,
  shownKey,
  undoBytesMax,
} from '../data/record-actions.ts'
import type { RecordAt, RecordRow } from '../data/record-row.ts'
import { DeleteLong } from './delete-long.tsx'
import { RenameRecord } from './rename-record.tsx'

export interface RecordToolsProps {
  readonly at: RecordAt
  readonly row: RecordRow
  readonly mayWrite: boolean
  /** Why it can't be edited here; undefined: it can. */
  readonly whyNoEdit: string | undefined
  readonly onEdit: () => void
  /** It is gone: there is nothing to show. */
  readonly onDeleted: () => void
}

/** What can be done with the record. Whoever may only read sees no more than that. */
export function RecordTools(props: RecordToolsProps): ReactNode {
  const { at, row, mayWrite, whyNoEdit, onEdit, onDeleted } = props
  const [asked, setAsked] = useState<'rename' | 'delete'>()
  const copy = (): void => void copyLink(row.publicUrl)
  const remove = (): void => {
    if (row.size > undoBytesMax) setAsked('delete')
    else void deleteIt(at, row.revision, onDeleted)
  }
  useLetter('e', mayWrite && whyNoEdit === undefined ? onEdit : undefined)
  useLetter('c', copy)
  const close = (): void => setAsked(undefined)
  return (
    <div className="r-acts">
      {mayWrite && (
        <Button icon="pencil" isSmall keys="e" why={whyNoEdit} onPress={onEdit}>
          Edit
        </Button>
      )}
      <Button icon="link" isSmall onPress={copy}>
        Copy link
      </Button>
      <Button
        icon="download"
        label="Download"
        isSmall
        onPress={() => void download(recordPath(at, '&attachment=1'), fileNameOf(at.key))}
      />
      {mayWrite && (
        <>
          <Button icon="trash-2" label="Delete" kind="danger" isSmall onPress={remove} />
          <Menu
            label="More actions"
            isSmall
            actions={[{ name: 'Rename', icon: 'pencil', onAction: () => setAsked('rename') }]}
          />
        </>
      )}
      {asked === 'rename' && <RenameRecord at={at} onClose={close} />}
      {asked === 'delete' && <DeleteLong at={at} row={row} onDeleted={onDeleted} onClose={close} />}
    </div>
  )
}

async function copyLink(url: string): Promise<void> {
  await copyText(url)
  say({ text: 'The link is copied. It opens for everybody who has it.' })
}

async function deleteIt(at: RecordAt, seen: number, onDeleted: () => void): Promise<void> {
  try {
    await deleteRecord(at, seen)
    onDeleted()
  } catch (error) {
    const text = isChanged(error)
      ? `${shownKey(at.key)} has just changed. It was not deleted.`
      : sentenceOf(error)
    say({ text, isError: true })
  }
}
