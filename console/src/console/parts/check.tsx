import type { ReactNode } from 'react'
import { Checkbox } from 'react-aria-components'
import { Icon } from './icon.tsx'

export interface CheckProps {
  readonly children?: ReactNode
  /** For a box without words. */
  readonly label?: string
  readonly isOn: boolean
  readonly isPartly?: boolean
  readonly isDisabled?: boolean
  readonly onChange: (isOn: boolean) => void
}

/** A checkbox. */
export function Check({
  children,
  label,
  isOn,
  isPartly = false,
  ...props
}: CheckProps): ReactNode {
  return (
    <Checkbox
      className="check"
      isSelected={isOn}
      isIndeterminate={isPartly}
      isDisabled={props.isDisabled ?? false}
      onChange={props.onChange}
      {...(label !== undefined && { 'aria-label': label })}
    >
      <span className={isOn || isPartly ? 'box on' : 'box'}>
        {isPartly ? <i className="dash" /> : isOn && <Icon name="check" />}
      </span>
      {children}
    </Checkbox>
  )
}
