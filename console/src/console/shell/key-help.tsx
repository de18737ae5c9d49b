import { type ReactNode, useState } from 'react'
import { Check } from '../parts/check.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { areSingleKeysOn, setSingleKeys } from './shortcuts.ts'

const keys: readonly (readonly [string, string])[] = [
  ['Ctrl K', 'search, or jump to a store or an action'],
  ['/', 'filter'],
  ['j k ↑ ↓', 'move'],
  ['← →', 'fold and unfold JSON'],
  ['Enter', 'view'],
  ['e', 'edit, or name'],
  ['x', 'select; with Shift: all from the last selected one'],
  ['n', 'new'],
  ['c', 'copy the link'],
  ['Del', 'delete'],
  ['Ctrl S', 'save'],
  ['Ctrl Z', 'undo'],
  ['Esc', 'close'],
  ['?', 'this list'],
]

/** All keys. */
export function KeyHelp({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [areOn, setOn] = useState(areSingleKeysOn())
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <Check
        isOn={areOn}
        onChange={(isOn) => {
          setSingleKeys(isOn)
          setOn(isOn)
        }}
      >
        Single letters do something
      </Check>
    </Dialog>
  )
}
