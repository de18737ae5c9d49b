import { useSyncExternalStore } from 'react'
import { session } from './session.ts'

export interface Signed {
  readonly token: string | undefined
  readonly isExpired: boolean
}

let last: Signed = { token: undefined, isExpired: false }

/** Who is signed in, as it changes. */
export function useSession(): Signed {
  return useSyncExternalStore(session.subscribe, snapshot)
}

function snapshot(): Signed {
  const { token, isExpired } = session
  if (last.token !== token || last.isExpired !== isExpired) last = { token, isExpired }
  return last
}
