import { type ReactNode, useEffect, useState } from 'react'
import { replace } from '../address/use-address.ts'
import { sentenceOf } from '../server/ask.ts'
import { session } from '../server/session.ts'
import { SignInForm } from './sign-in-form.tsx'

/** Codes are used once: React's development mode runs effects twice. */
const traded = new Set<string>()

/** The first page: signs in by the code of a link, or by a token. */
export function SignIn({ code }: { readonly code?: string }): ReactNode {
  const [error, setError] = useState('')
  useEffect(() => {
    if (code === undefined || traded.has(code)) return
    traded.add(code)
    // The code must not stay in the address, where others read it.
    history.replaceState(null, '', `${location.pathname}${location.search}#/`)
    void trade(code, setError)
  }, [code])
  return (
    <main className="sign-in">
      <h1>Coatcheck</h1>
      {error !== '' && (
        <p className="said-error" role="alert">
          {error}
        </p>
      )}
      <SignInForm onDone={() => replace('#/')} />
      <p>
        The first start of the server wrote a token into the file <code>first-token</code> of its
        data folder. On the machine of the server, this command prints a link that signs you in:
      </p>
      <pre className="mono">npx coatcheck sign-in</pre>
      <p className="soft">
        No token yet? Ask who runs this server. <a href="play">Write a program in /play</a>
      </p>
    </main>
  )
}

async function trade(code: string, onError: (sentence: string) => void): Promise<void> {
  try {
    await session.signIn({ code })
    replace('#/')
  } catch (error) {
    onError(`This link does not sign you in: ${sentenceOf(error)}`)
    replace('#/')
  }
}
