import { useSyncExternalStore } from 'react'

const touch = matchMedia('(max-width: 720px)')

/** The height of a row in pixels: fingers need more room. It is `--row` of the styles. */
export function useRowPx(): number {
  const isTouch = useSyncExternalStore(
    (listener) => {
      touch.addEventListener('change', listener)
      return () => touch.removeEventListener('change', listener)
    },
    () => touch.matches,
  )
  return isTouch ? 56 : 36
}
