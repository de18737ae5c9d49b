import { type FormEvent, type ReactNode, useState } from 'react'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { sentenceOf } from '../server/ask.ts'
import { session } from '../server/session.ts'

/** Trades a pasted token for a token of the console. A wrong one stays in the field. */
export function SignInForm({ onDone }: { readonly onDone?: () => void }): ReactNode {
  const [token, setToken] = useState('')
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    const shown = token.trim()
    if (shown === '') return setError('Paste a token.')
    setBusy(true)
    try {
      await session.signIn(shown)
      onDone?.()
    } catch (failure) {
      setError(sentenceOf(failure))
      setBusy(false)
    }
  }
  return (
    <form className="sign-in-form" onSubmit={submit}>
      <Field
        label="Token"
        name="token"
        type="password"
        isMono
        autoFocus
        value={token}
        error={error}
        onChange={(text) => {
          setToken(text)
          setError('')
        }}
      />
      <Button type="submit" kind="main" isDisabled={isBusy}>
        Sign in
      </Button>
    </form>
  )
}
