import { AppLabError } from './errors.ts'

/** The pauses before a call is sent again, in ms. */
const pausesMs = [250, 1_000, 3_000] as const

/**
 * Sends a call again if no answer came: `send` must give it the same name each time, so that the
 * server does it once. An answer, whatever it says, is never asked for again.
 */
export async function resending<T>(send: () => Promise<T>): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await send()
    } catch (error) {
      if (!(error instanceof AppLabError) || error.type !== 'NO_ANSWER') throw error
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2)))
    }
  }
  return send()
}

/** A name that no other call has. `crypto.randomUUID` does not exist on all pages. */
export function callName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
