import { useSyncExternalStore } from 'react'
import { CoatcheckError } from '../../../../client/src/http/errors.ts'
import { queries } from './queries.ts'
import { serverUrl } from './server-url.ts'

const pauseSeconds = 4

/** Undefined: the server answers; else the seconds until it is asked again. */
type Silence = number | undefined

let silence: Silence
let timer: ReturnType<typeof setInterval> | undefined
const listeners = new Set<() => void>()

/** How long until the server is asked again; undefined: it answers. */
export function useSilence(): Silence {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => silence,
  )
}

/** Notes how a request ended, so that the page can say that the server is silent. */
export function noteOutcome(error?: unknown): void {
  if (error === undefined) set(undefined)
  else if (isSilence(error) && silence === undefined) set(pauseSeconds)
}

/** Whether the error means that no server answered. */
export function isSilence(error: unknown): boolean {
  return error instanceof CoatcheckError && (error.status === 0 || error.type === 'timeout')
}

function set(next: Silence): void {
  const wasSilent = silence !== undefined
  silence = next
  if (next === undefined) {
    clearInterval(timer)
    timer = undefined
    if (wasSilent) void queries.invalidateQueries()
  } else timer ??= setInterval(tick, 1_000)
  for (const listener of listeners) listener()
}

function tick(): void {
  if (silence === undefined) return
  if (silence > 1) set(silence - 1)
  else void ask()
}

async function ask(): Promise<void> {
  set(pauseSeconds)
  try {
    const signal = AbortSignal.timeout(3_000)
    const { ok } = await fetch(`${serverUrl}/health/live`, { cache: 'no-store', signal })
    if (ok) set(undefined)
  } catch {
    // It is asked again in a moment, which the banner says.
  }
}
