import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, type ReactNode, useState } from 'react'
import { Dialog as AriaDialog, Modal, ModalOverlay } from 'react-aria-components'
import { hrefOf } from '../address/address.ts'
import { open } from '../address/use-address.ts'
import { Icon } from '../parts/icon.tsx'
import type { IconName } from '../parts/icon-names.ts'
import { listStores, nameOf } from '../stores/data/store-rows.ts'
import { recentPlaces } from './recent.ts'

interface Choice {
  readonly name: string
  readonly note: string
  readonly icon: IconName
  readonly href: string
}

/** Finds stores, recent records and screens by what is typed. */
export function Palette({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const choices = useChoices(text)
  const choose = (choice: Choice | undefined): void => {
    if (!choice) return
    onClose()
    open(choice.href)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) setAt((at + step + choices.length) % Math.max(1, choices.length))
    else if (event.key === 'Enter') choose(choices[at])
    else return
    event.preventDefault()
  }
  return (
    <ModalOverlay className="overlay high" isOpen isDismissable onOpenChange={onClose}>
      <Modal className="modal palette">
        <AriaDialog className="dialog" aria-label="Search or jump to">
          <div className="field">
            <Icon name="search" />
            <input
              autoFocus
              role="combobox"
              aria-label="Search or jump to"
              aria-expanded="true"
              aria-controls="palette-choices"
              aria-activedescendant={choices.length > 0 ? `palette-${at}` : undefined}
              placeholder="A store, its ID, or a screen"
              value={text}
              onChange={({ target }) => {
                setText(target.value)
                setAt(0)
              }}
              onKeyDown={onKeyDown}
            />
          </div>
          <div
            id="palette-choices"
            role="listbox"
            aria-label="Places"
            className="choices"
            tabIndex={-1}
          >
            {choices.map((choice, index) => (
              <div
                key={choice.href}
                id={`palette-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === at}
                className={index === at ? 'choice at' : 'choice'}
                onPointerMove={() => setAt(index)}
                onClick={() => choose(choice)}
              >
                <Icon name={choice.icon} />
                <b>{choice.name}</b>
                <span className="soft">{choice.note}</span>
              </div>
            ))}
            {choices.length === 0 && <p className="soft">Nothing has this name.</p>}
          </div>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}

function useChoices(text: string): readonly Choice[] {
  const wanted = text.trim()
  const { data } = useQuery({
    queryKey: ['stores', 'palette', wanted],
    queryFn: () =>
      listStores({ q: wanted, unnamed: true, sort: 'modified', isDescending: true, limit: 8 }),
    placeholderData: (before) => before,
  })
  const stores = (data?.items ?? []).map(
    (store): Choice => ({
      name: nameOf(store),
      note: store.id,
      icon: 'database',
      href: hrefOf(['storage', 'key-value-stores', store.id, 'records']),
    }),
  )
  const recent = recentPlaces().map((place): Choice => ({ ...place, icon: 'history' }))
  const fits = ({ name, note }: Choice): boolean =>
    `${name} ${note}`.toLowerCase().includes(wanted.toLowerCase())
  return [...recent.filter(fits).slice(0, 5), ...stores, ...screens.filter(fits)]
}

const screens: readonly Choice[] = [
  {
    name: 'Key-value stores',
    note: 'screen',
    icon: 'database',
    href: '#/storage/key-value-stores',
  },
]
