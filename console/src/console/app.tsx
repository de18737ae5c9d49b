import { QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'
import { useAddress } from './address/use-address.ts'
import { Failure } from './parts/failure.tsx'
import { screenOf } from './screens.tsx'
import { queries } from './server/queries.ts'
import { session } from './server/session.ts'
import { useSession } from './server/use-session.ts'
import { Shell } from './shell/shell.tsx'
import { SignIn } from './sign-in/sign-in.tsx'
import { SignInAgain } from './sign-in/sign-in-again.tsx'

export function App(): ReactNode {
  return (
    <Failure>
      <QueryClientProvider client={queries}>
        <Door />
      </QueryClientProvider>
    </Failure>
  )
}

/** Lets in who is signed in: in this tab, or in another one of the console. */
function Door(): ReactNode {
  const { token, isExpired } = useSession()
  const { path } = useAddress()
  const [isAsked, setAsked] = useState(session.token !== undefined)
  useEffect(() => {
    void session.askSiblings().then(() => setAsked(true))
  }, [])
  if (token === undefined) return isAsked ? <SignIn /> : null
  return (
    <>
      <Shell>{screenOf(path)}</Shell>
      {isExpired && <SignInAgain />}
    </>
  )
}
