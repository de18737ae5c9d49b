import type { FormEvent, ReactNode } from 'react'
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { Button } from './button.tsx'

export interface DialogProps {
  readonly title: string
  readonly children: ReactNode
  /** The words of the main button; undefined: it only closes. */
  readonly action?: string
  readonly isDanger?: boolean
  readonly isBusy?: boolean
  /** The main button can't be used yet. */
  readonly isIncomplete?: boolean
  readonly isWide?: boolean
  /** What went wrong, above the buttons. */
  readonly error?: ReactNode
  /** The words of the button that closes it. */
  readonly leave?: string
  readonly onAction?: () => void
  readonly onClose: () => void
}

/** A question over the page. Enter does the main action, Escape closes. */
export function Dialog(props: DialogProps): ReactNode {
  const { title, children, action, isDanger = false, isBusy = false, error, onClose } = props
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (!isBusy && props.isIncomplete !== true) props.onAction?.()
  }
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable
      onOpenChange={(isOpen) => isOpen || onClose()}
    >
      <Modal className={props.isWide ? 'modal wide' : 'modal'}>
        <AriaDialog className="dialog" {...(isDanger && { role: 'alertdialog' })}>
          <form onSubmit={submit}>
            <Heading slot="title">{title}</Heading>
            <div className="dialog-body">{children}</div>
            {error && (
              <p className="said-error" role="alert">
                {error}
              </p>
            )}
            <div className="dialog-foot">
              <Button onPress={onClose}>{props.leave ?? (action ? 'Cancel' : 'Close')}</Button>
              {action !== undefined && (
                <Button
                  type="submit"
                  kind={isDanger ? 'danger' : 'main'}
                  isDisabled={isBusy || props.isIncomplete === true}
                >
                  {action}
                </Button>
              )}
            </div>
          </form>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}
