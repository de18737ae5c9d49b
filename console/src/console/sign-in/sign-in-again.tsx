import type { ReactNode } from 'react'
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { queries } from '../server/queries.ts'
import { SignInForm } from './sign-in-form.tsx'

/** Signs in over the page, which keeps what was typed and then goes on. */
export function SignInAgain(): ReactNode {
  return (
    <ModalOverlay className="overlay" isOpen isKeyboardDismissDisabled>
      <Modal className="modal">
        <Dialog className="dialog">
          <Heading slot="title">Sign in again</Heading>
          <p>The server does not accept your token any more. What you typed stays.</p>
          <SignInForm onDone={() => void queries.invalidateQueries()} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
