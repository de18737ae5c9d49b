import { type ReactNode, useEffect, useSyncExternalStore } from 'react'
import { Button } from './button.tsx'

export interface Toast {
  readonly text: string
  /** Such as Undo. */
  readonly action?: { readonly name: string; readonly onAction: () => void }
  /** It stays until it is closed. */
  readonly isError?: boolean
}

interface Shown extends Toast {
  readonly id: number
}

const shownMs = 10_000
const shownMax = 4
let toasts: readonly Shown[] = []
let lastId = 0
const listeners = new Set<() => void>()

/** Says something at the edge of the page. Returns what removes it. */
export function say(toast: Toast): () => void {
  lastId += 1
  const id = lastId
  set([...toasts, { ...toast, id }].slice(-shownMax))
  return () => drop(id)
}

/** The outlet of `say`. */
export function Toasts(): ReactNode {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
  return (
    <section className="toasts" aria-label="Messages" aria-live="polite">
      {shown.map((toast) => (
        <ToastLine key={toast.id} toast={toast} />
      ))}
    </section>
  )
}

/** The newest action, such as Undo, for its key; undefined: there is none. */
export function newestAction(): (() => void) | undefined {
  const toast = toasts.findLast(({ action }) => action !== undefined)
  if (!toast?.action) return undefined
  const { onAction } = toast.action
  return () => {
    drop(toast.id)
    onAction()
  }
}

function ToastLine({ toast }: { readonly toast: Shown }): ReactNode {
  const { id, text, action, isError = false } = toast
  useEffect(() => {
    if (isError) return undefined
    const timer = setTimeout(() => drop(id), shownMs)
    return () => clearTimeout(timer)
  }, [id, isError])
  return (
    <div className={isError ? 'toast bad' : 'toast'}>
      <span>{text}</span>
      {action && (
        <Button
          onPress={() => {
            drop(id)
            action.onAction()
          }}
        >
          {action.name}
        </Button>
      )}
      <Button icon="x" label="Close the message" kind="quiet" onPress={() => drop(id)} />
    </div>
  )
}

function drop(id: number): void {
  set(toasts.filter((toast) => toast.id !== id))
}

function set(next: readonly Shown[]): void {
  toasts = next
  for (const listener of listeners) listener()
}
