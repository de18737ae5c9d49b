import { useMemo, useSyncExternalStore } from 'react'
import { type Address, addressOf, hrefOf } from './address.ts'
import { holdPlace } from './guard.ts'

const replaced = 'coatcheck-replaced'

/** The current place. */
export function useAddress(): Address {
  const hash = useSyncExternalStore(subscribe, () => location.hash)
  return useMemo(() => addressOf(hash), [hash])
}

/** Opens a place: Back returns from it. */
export function open(href: string): void {
  location.hash = href
}

/** Changes the query of the current place without a step for Back, as a filter does. */
export function replaceQuery(changes: Readonly<Record<string, string | undefined>>): void {
  const { path, query } = addressOf(location.hash)
  replace(hrefOf(path, { ...query, ...changes }))
}

/** As `replaceQuery`, but Back returns: something was opened. */
export function openQuery(changes: Readonly<Record<string, string | undefined>>): void {
  const { path, query } = addressOf(location.hash)
  open(hrefOf(path, { ...query, ...changes }))
}

export function replace(href: string): void {
  history.replaceState(history.state, '', href)
  dispatchEvent(new Event(replaced))
}

function subscribe(onChange: () => void): () => void {
  const names = ['hashchange', 'popstate', replaced]
  const hear = (): void => {
    holdPlace()
    onChange()
  }
  for (const name of names) addEventListener(name, hear)
  return () => {
    for (const name of names) removeEventListener(name, hear)
  }
}
