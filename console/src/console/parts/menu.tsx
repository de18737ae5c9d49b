import type { ReactNode } from 'react'
import { Menu as AriaMenu, Button, MenuItem, MenuTrigger, Popover } from 'react-aria-components'
import { Icon } from './icon.tsx'
import type { IconName } from './icon-names.ts'

export interface MenuAction {
  readonly name: string
  readonly icon?: IconName
  readonly isDanger?: boolean
  readonly isDisabled?: boolean
  readonly onAction: () => void
}

export interface MenuProps {
  /** The words of the button; undefined: it shows three dots, and `label` names it. */
  readonly children?: ReactNode
  readonly label: string
  readonly isSmall?: boolean
  readonly actions: readonly MenuAction[]
}

/** A button that opens a list of actions. */
export function Menu({ children, label, isSmall = false, actions }: MenuProps): ReactNode {
  const isIcon = children === undefined
  const names = ['btn', isIcon ? 'quiet icon-only' : 'plain', isSmall && 'small']
  return (
    <MenuTrigger>
      <Button className={names.filter(Boolean).join(' ')} aria-label={label}>
        {isIcon ? <Icon name="ellipsis" /> : children}
        {!isIcon && <Icon name="chevron-down" />}
      </Button>
      <Popover className="popover" placement="bottom end">
        <AriaMenu className="menu">
          {actions.map(({ name, icon, isDanger, isDisabled, onAction }) => (
            <MenuItem
              key={name}
              className={isDanger ? 'menu-item danger' : 'menu-item'}
              isDisabled={isDisabled ?? false}
              onAction={onAction}
            >
              {icon && <Icon name={icon} />}
              {name}
            </MenuItem>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  )
}
