import { useEffect } from 'react'

/** Asks before the user leaves a place. Undefined: nothing would be lost. */
interface Guard {
  /** The address that is guarded. */
  readonly hash: string
  /** Whether an address is still the same place. */
  readonly isSame: (hash: string) => boolean
  /** The user wants to go there. */
  readonly onLeave: (hash: string) => void
}

let guard: Guard | undefined

addEventListener('beforeunload', (event) => {
  if (guard) event.preventDefault()
})

/**
 * Goes back to the guarded place if the address has left it, and asks the user. It is called before
 * anything is drawn for a new address.
 */
export function holdPlace(): void {
  if (!guard || location.hash === guard.hash) return
  if (guard.isSame(location.hash)) {
    guard = { ...guard, hash: location.hash }
    return
  }
  const wanted = location.hash
  history.replaceState(history.state, '', guard.hash)
  guard.onLeave(wanted)
}

/** While `isOn`, the user is asked before this place is left. */
export function useGuard(
  isOn: boolean,
  { isSame, onLeave }: Pick<Guard, 'isSame' | 'onLeave'>,
): void {
  useEffect(() => {
    if (!isOn) return undefined
    guard = { hash: location.hash, isSame, onLeave }
    return dropGuard
  }, [isOn, isSame, onLeave])
}

/** The user leaves, and knows what is lost. */
export function dropGuard(): void {
  guard = undefined
}
