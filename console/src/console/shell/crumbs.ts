import { useEffect } from 'react'

/** A step of the way to the current place. */
export interface Crumb {
  readonly name: string
  /** Undefined: the current place. */
  readonly href?: string
}

let current: readonly Crumb[] = []
const listeners = new Set<() => void>()

export function subscribeCrumbs(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function currentCrumbs(): readonly Crumb[] {
  return current
}

/** Says where a screen is. The last name is the title of the window too. */
export function useCrumbs(crumbs: readonly Crumb[]): void {
  const text = JSON.stringify(crumbs)
  useEffect(() => {
    current = JSON.parse(text)
    const names = current.map(({ name }) => name).reverse()
    document.title = [...names.slice(0, 2), 'Coatcheck'].join(' – ')
    for (const listener of listeners) listener()
  }, [text])
}
