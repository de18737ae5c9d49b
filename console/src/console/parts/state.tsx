import { type ReactNode, useEffect, useState } from 'react'
import { Button } from './button.tsx'

const patienceMs = 150

type StateProps =
  | { readonly kind: 'loading' }
  | { readonly kind: 'error'; readonly text: string; readonly onAgain?: () => void }
  | { readonly kind: 'empty'; readonly children: ReactNode }

/** What stands in place of data: bones while it loads, the server's sentence, or a next step. */
export function State(props: StateProps): ReactNode {
  if (props.kind === 'loading') return <Bones />
  if (props.kind === 'empty') return <div className="state">{props.children}</div>
  return (
    <div className="said-error" role="alert">
      {props.text}
      {props.onAgain && (
        <Button isSmall onPress={props.onAgain}>
          Try again
        </Button>
      )}
    </div>
  )
}

function Bones(): ReactNode {
  const [isLate, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), patienceMs)
    return () => clearTimeout(timer)
  }, [])
  if (!isLate) return null
  return (
    <div className="bones" role="status" aria-label="Loading">
      {[1, 2, 3, 4, 5].map((line) => (
        <span key={line} className="bone" />
      ))}
    </div>
  )
}
