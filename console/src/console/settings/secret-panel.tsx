import { type ReactNode, useState } from 'react'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { say } from '../parts/toasts.tsx'
import { useAction } from '../server/use-action.ts'
import { resetSigningSecret } from './store-access.ts'

/** Ends all links that were signed so far. */
export function SecretPanel({ storeId }: { readonly storeId: string }): ReactNode {
  const [isAsking, setAsking] = useState(false)
  const { isBusy, error, run } = useAction()
  const reset = async (): Promise<void> => {
    if (!(await run(() => resetSigningSecret(storeId)))) return
    setAsking(false)
    say({ text: 'All links that were signed before do not open any more.' })
  }
  return (
    <section className="panel">
      <h2>Signed links</h2>
      <p>A link that you copy from a record opens for everybody who has it.</p>
      <div>
        <Button onPress={() => setAsking(true)}>Reset signing secret</Button>
      </div>
      {isAsking && (
        <Dialog
          title="Reset the signing secret?"
          action="Reset"
          isDanger
          isBusy={isBusy}
          error={error}
          onAction={() => void reset()}
          onClose={() => setAsking(false)}
        >
          <p>All links signed so far end. This can't be undone.</p>
        </Dialog>
      )}
    </section>
  )
}
