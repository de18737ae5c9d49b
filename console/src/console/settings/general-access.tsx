import type { ReactNode } from 'react'
import { Radio, RadioGroup } from 'react-aria-components'
import type { GeneralAccess } from '../../../../client/src/stores/store-info.ts'
import { useAction } from '../server/use-action.ts'
import { setGeneralAccess } from './store-access.ts'

const levels: readonly (readonly [GeneralAccess, string, string])[] = [
  ['FOLLOW_USER_SETTING', "As the owner's setting", 'What the owner has chosen for all stores.'],
  ['RESTRICTED', 'Restricted', 'Only the owner, and people with access.'],
  ['ANYONE_WITH_ID_CAN_READ', 'Anyone with the ID', 'Who knows the ID reads without a token.'],
  [
    'ANYONE_WITH_NAME_CAN_READ',
    'Anyone with the ID or name',
    'Who knows the owner and the name reads it too.',
  ],
]

/** Who may read the store without being its owner. */
export function GeneralAccessPanel({
  storeId,
  level,
}: {
  readonly storeId: string
  readonly level: GeneralAccess
}): ReactNode {
  const { isBusy, error, run } = useAction()
  const choose = (wanted: string): void => {
    const found = levels.find(([id]) => id === wanted)
    if (found) void run(() => setGeneralAccess(storeId, found[0]))
  }
  return (
    <section className="panel">
      <RadioGroup
        className="radios"
        aria-label="General access"
        value={level}
        isDisabled={isBusy}
        onChange={choose}
      >
        <h2>General access</h2>
        {levels.map(([id, name, what]) => (
          <Radio key={id} value={id} className="radio">
            <span className="ball" />
            <span>
              <span>{name}</span>
              <span className="hint">{what}</span>
            </span>
          </Radio>
        ))}
      </RadioGroup>
      {error !== '' && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
    </section>
  )
}
