import { useCallback, useEffect, useState } from 'react'
import type { RecordAt } from './record-row.ts'
import { type Form, type RecordValue, readValue } from './record-value.ts'

export interface ValueNow {
  /** Undefined: it is not there, or not read yet. */
  readonly value: RecordValue | undefined
  readonly isLoading: boolean
  readonly error: unknown
  /** Reads it again. What is shown stays until then. */
  readonly again: () => void
}

interface Read {
  readonly name: string
  readonly value?: RecordValue | undefined
  readonly error?: unknown
}

/** A value as it was when it was opened: it changes only when the user says so. */
export function useValue({ storeId, key }: RecordAt, form: Form): ValueNow {
  const name = JSON.stringify([storeId, key, form])
  const [read, setRead] = useState<Read>()
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    const stop = new AbortController()
    readValue({ storeId, key }, form, stop.signal).then(
      (value) => setRead({ name, value }),
      (error: unknown) => {
        if (!stop.signal.aborted) setRead({ name, error })
      },
    )
    return () => stop.abort()
  }, [storeId, key, form, name, attempt])
  const again = useCallback(() => setAttempt((count) => count + 1), [])
  const isLoading = read?.name !== name
  const current = isLoading ? undefined : read
  return { value: current?.value, isLoading, error: current?.error, again }
}
