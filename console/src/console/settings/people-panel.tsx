import { type FormEvent, type ReactNode, useState } from 'react'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { Menu } from '../parts/menu.tsx'
import type { Action } from '../server/me.ts'
import { useAction } from '../server/use-action.ts'
import { type Share, share } from './store-access.ts'

const rights: readonly (readonly [Action, string])[] = [
  ['read', 'Can read'],
  ['write', 'Can write'],
  ['manage', 'Can manage'],
]

interface PeoplePanelProps {
  readonly storeId: string
  readonly shares: readonly Share[]
}

/** The people with whom the store is shared. */
export function PeoplePanel({ storeId, shares }: PeoplePanelProps): ReactNode {
  const [username, setUsername] = useState('')
  const { isBusy, error, run, forgive } = useAction()
  const add = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    if (await run(() => share(storeId, username.trim(), 'read'))) setUsername('')
  }
  return (
    <section className="panel">
      <h2>People with access</h2>
      {shares.length === 0 && <p className="soft">Nobody but the owner.</p>}
      <ul className="people">
        {shares.map((one) => (
          <li key={one.userId}>
            <b>{one.username}</b>
            <Menu
              isSmall
              label={`Right of ${one.username}`}
              actions={[
                ...rights.map(([action, name]) => ({
                  name,
                  onAction: () => void run(() => share(storeId, one.username, action)),
                })),
                {
                  name: 'Take the right away',
                  isDanger: true,
                  onAction: () => void run(() => share(storeId, one.username, null)),
                },
              ]}
            >
              {rights.find(([action]) => action === one.action)?.[1]}
            </Menu>
          </li>
        ))}
      </ul>
      <form className="add-person" onSubmit={add}>
        <Field
          label="Username"
          value={username}
          error={error}
          onChange={(text) => {
            setUsername(text)
            forgive()
          }}
        />
        <Button type="submit" isDisabled={isBusy || username.trim() === ''}>
          Let in
        </Button>
      </form>
    </section>
  )
}
