import type { ReactNode, RefObject } from 'react'
import {
  TextField as AriaTextField,
  FieldError,
  Input,
  Label,
  Text,
  TextArea,
} from 'react-aria-components'
import { Icon } from './icon.tsx'
import type { IconName } from './icon-names.ts'

export interface FieldProps {
  readonly label: string
  /** The label is only read out: the icon or the placeholder says it to the eyes. */
  readonly isLabelHidden?: boolean
  readonly value: string
  readonly onChange: (value: string) => void
  readonly placeholder?: string
  readonly hint?: ReactNode
  /** Shown below the field, and read out. */
  readonly error?: ReactNode
  readonly icon?: IconName
  /** The key that leads here, shown at its end. */
  readonly keys?: string
  readonly type?: 'text' | 'password' | 'number'
  readonly isMono?: boolean
  readonly isMultiline?: boolean
  readonly rows?: number
  readonly autoFocus?: boolean
  readonly isDisabled?: boolean
  readonly name?: string
  readonly inputRef?: RefObject<HTMLInputElement | null>
  readonly onEnter?: () => void
  readonly onEscape?: () => void
}

/** A field for text, with its label, its hint and its error. */
export function Field(props: FieldProps): ReactNode {
  const { label, isLabelHidden = false, value, onChange, hint, error } = props
  return (
    <AriaTextField
      className="labelled"
      value={value}
      onChange={onChange}
      isInvalid={Boolean(error)}
      isDisabled={props.isDisabled ?? false}
      autoFocus={props.autoFocus ?? false}
      {...(props.name !== undefined && { name: props.name })}
      {...(props.type !== undefined && { type: props.type })}
    >
      <Label className={isLabelHidden ? 'unseen' : 'label'}>{label}</Label>
      <Box {...props} />
      {hint !== undefined && (
        <Text slot="description" className="hint">
          {hint}
        </Text>
      )}
      <FieldError className="field-error">{error}</FieldError>
    </AriaTextField>
  )
}

function Box(props: FieldProps): ReactNode {
  const { icon, keys, placeholder, isMono = false, onEnter, onEscape } = props
  const onKeyDown = (event: { key: string; nativeEvent: KeyboardEvent }): void => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter') onEnter?.()
    if (event.key === 'Escape') onEscape?.()
  }
  const common = {
    className: isMono ? 'mono' : '',
    spellCheck: false,
    autoComplete: 'off',
    ...(placeholder !== undefined && { placeholder }),
    onKeyDown,
  }
  return (
    <div className={props.isMultiline ? 'field tall' : 'field'}>
      {icon && <Icon name={icon} />}
      {props.isMultiline ? (
        <TextArea {...common} rows={props.rows ?? 4} />
      ) : (
        <Input {...common} {...(props.inputRef && { ref: props.inputRef })} />
      )}
      {keys !== undefined && <kbd>{keys}</kbd>}
    </div>
  )
}
