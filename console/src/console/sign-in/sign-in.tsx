import type { ReactNode } from 'react'
import { SignInForm } from './sign-in-form.tsx'

/** The first page. */
export function SignIn(): ReactNode {
  return (
    <main className="sign-in">
      <h1>Coatcheck</h1>
      <SignInForm />
      <p>
        The first start of the server wrote a token into the file <code>first-token</code> of its
        data folder. On the machine of the server, this command makes another one:
      </p>
      <pre className="mono">npx coatcheck token create</pre>
      <p>
        No token yet? Ask who runs this server. You need none to{' '}
        <a href="play">write programs in /play</a> for a project that somebody shares with you.
      </p>
    </main>
  )
}
