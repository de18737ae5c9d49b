import type { ReactNode } from 'react'
import { Dialog } from '../../parts/dialog.tsx'
import type { Edit } from './use-edit.ts'

/** Asks before what was typed is given up. */
export function LeaveAsk({ edit }: { readonly edit: Edit }): ReactNode {
  if (edit.wanted === undefined) return null
  return (
    <Dialog
      title="Leave without saving?"
      action="Discard changes"
      isDanger
      leave="Keep editing"
      onAction={edit.discard}
      onClose={edit.stay}
    >
      <p>What you typed is not saved yet.</p>
    </Dialog>
  )
}
