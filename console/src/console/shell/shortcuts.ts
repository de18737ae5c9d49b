import { useEffect } from 'react'
import { newestAction } from '../parts/toasts.tsx'

const keptName = 'coatcheck-single-keys'

/** Whether keys without Ctrl do something: people who speak to their computer turn it off. */
export function areSingleKeysOn(): boolean {
  return localStorage.getItem(keptName) !== 'off'
}

export function setSingleKeys(areOn: boolean): void {
  localStorage.setItem(keptName, areOn ? 'on' : 'off')
}

/** Whether a key belongs to what the user types in, or to a dialog. */
export function isTaken({ target }: { readonly target: EventTarget | null }): boolean {
  if (!(target instanceof Element)) return false
  return target.closest('input, textarea, select, [contenteditable], [role=dialog]') !== null
}

/** The keys that work everywhere. */
export function useShortcuts({
  onPalette,
  onHelp,
}: {
  readonly onPalette: () => void
  readonly onHelp: () => void
}): void {
  useKey((event) => {
    const isCommand = event.ctrlKey || event.metaKey
    if (isCommand && event.key === 'k') return run(onPalette)
    if (isTaken(event)) return false
    const undo = isCommand && event.key === 'z' ? newestAction() : undefined
    if (undo) return run(undo)
    if (isCommand || !areSingleKeysOn()) return false
    if (event.key === '?') return run(onHelp)
    if (event.key === '/') return focusFilter()
    return false
  })
}

/** Calls `onKey` for keys that nothing else has used. It returns whether it used one. */
export function useKey(onKey: (event: KeyboardEvent) => boolean): void {
  useEffect(() => {
    const hear = (event: KeyboardEvent): void => {
      if (!event.defaultPrevented && onKey(event)) event.preventDefault()
    }
    addEventListener('keydown', hear)
    return () => removeEventListener('keydown', hear)
  })
}

/** A single letter that does something on this screen. */
export function useLetter(letter: string, action: (() => void) | undefined): void {
  useKey((event) => {
    const { key, ctrlKey, metaKey, altKey } = event
    if (key !== letter || ctrlKey || metaKey || altKey) return false
    if (!action || isTaken(event) || !areSingleKeysOn()) return false
    return run(action)
  })
}

function focusFilter(): boolean {
  const filter = document.querySelector<HTMLElement>('main [data-filter] input')
  filter?.focus()
  return filter !== null
}

function run(action: () => void): true {
  action()
  return true
}
