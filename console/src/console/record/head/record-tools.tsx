import { type ReactNode, useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { Menu } from '../../parts/menu.tsx'
import { download } from '../../server/download.ts'
import { useLetter } from '../../shell/shortcuts.ts'
import {
  copyLink,
  deleteOrSay,
  fileNameOf,
  recordPath,
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
    else void deleteOrSay(at, row.revision).then((isGone) => isGone && onDeleted())
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
