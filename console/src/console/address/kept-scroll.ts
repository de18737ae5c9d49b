import { type RefObject, useLayoutEffect } from 'react'

/** How far each place was scrolled, by its address. */
const offsets = new Map<string, number>()
const offsetsMax = 100
let isBack = false

addEventListener('popstate', () => {
  isBack = true
  // A click that opens something comes in a later task.
  setTimeout(() => {
    isBack = false
  }, 500)
})

/** Scrolls to where the user left this place, when Back returns to it and its rows are there. */
export function useKeptScroll(ref: RefObject<HTMLElement | null>, isReady: boolean): void {
  useLayoutEffect(() => {
    const element = ref.current
    if (!element || !isReady) return undefined
    const place = location.hash
    if (isBack) element.scrollTop = offsets.get(place) ?? 0
    const note = (): void => keep(place, element.scrollTop)
    element.addEventListener('scroll', note, { passive: true })
    return () => element.removeEventListener('scroll', note)
  }, [ref, isReady])
}

function keep(place: string, offset: number): void {
  offsets.delete(place)
  offsets.set(place, offset)
  const [oldest] = offsets.keys()
  if (offsets.size > offsetsMax && oldest !== undefined) offsets.delete(oldest)
}
