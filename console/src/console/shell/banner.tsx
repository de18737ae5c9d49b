import type { ReactNode } from 'react'
import { useSilence } from '../server/connection.ts'

/** Says that the server is silent, until it answers again. */
export function Banner(): ReactNode {
  const seconds = useSilence()
  if (seconds === undefined) return null
  return (
    <div className="banner" role="status">
      No answer from the server. Trying again in {seconds} s. What you typed stays.
    </div>
  )
}
