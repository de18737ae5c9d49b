import { useState } from 'react'
import { sentenceOf } from './ask.ts'

export interface Acting {
  readonly isBusy: boolean
  /** The sentence of what went wrong; ''. */
  readonly error: string
  /** Runs it. Returns whether it worked. */
  readonly run: (action: () => Promise<void>) => Promise<boolean>
  readonly forgive: () => void
}

/** Something that the server does for the user, and how it ends. */
export function useAction(): Acting {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const run = async (action: () => Promise<void>): Promise<boolean> => {
    setBusy(true)
    setError('')
    try {
      await action()
      return true
    } catch (failure) {
      setError(sentenceOf(failure))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { isBusy, error, run, forgive: () => setError('') }
}
