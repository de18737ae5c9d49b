import type { ReactNode } from 'react'
import { Button as AriaButton, Tooltip, TooltipTrigger } from 'react-aria-components'
import { Icon } from './icon.tsx'
import type { IconName } from './icon-names.ts'

export interface ButtonProps {
  readonly children?: ReactNode
  readonly icon?: IconName
  /** What it does, for a button that shows only its icon. It is the tooltip too. */
  readonly label?: string
  readonly kind?: 'main' | 'plain' | 'quiet' | 'danger'
  readonly isSmall?: boolean
  readonly isDisabled?: boolean
  /** Why it can't be used: shown as a tooltip, and read out. */
  readonly why?: string | undefined
  readonly keys?: string
  readonly type?: 'button' | 'submit'
  readonly autoFocus?: boolean
  readonly onPress?: () => void
}

/** A button. One that only has an icon, or that says why it can't be used, has a tooltip. */
export function Button(props: ButtonProps): ReactNode {
  const { icon, label, kind = 'plain', isSmall = false, isDisabled = false, why, keys } = props
  const { children } = props
  const isIcon = children === undefined
  const names = ['btn', kind, isSmall && 'small', isIcon && 'icon-only'].filter(Boolean).join(' ')
  const isOff = isDisabled || why !== undefined
  const spoken = why === undefined ? label : `${label ?? textOf(children)}: ${why}`
  const button = (
    <AriaButton
      className={names}
      type={props.type ?? 'button'}
      autoFocus={props.autoFocus ?? false}
      {...(spoken !== undefined && { 'aria-label': spoken })}
      // A button with a reason stays reachable, so that the reason can be read.
      isDisabled={isDisabled}
      {...(isOff && { 'data-off': true })}
      onPress={() => {
        if (!isOff) props.onPress?.()
      }}
    >
      {icon && <Icon name={icon} />}
      {children}
      {keys !== undefined && <kbd>{keys}</kbd>}
    </AriaButton>
  )
  const tip = why ?? (isIcon ? label : undefined)
  if (tip === undefined) return button
  return (
    <TooltipTrigger delay={400}>
      {button}
      <Tooltip className="tooltip" placement="bottom">
        {tip}
      </Tooltip>
    </TooltipTrigger>
  )
}

function textOf(children: ReactNode): string {
  return typeof children === 'string' ? children : ''
}
