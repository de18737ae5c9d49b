import type { ByteSource } from '../kernel/byte-source.ts'
import { StorageError } from '../kernel/errors.ts'

/** A use of a store that lasts: a stream, a socket. */
export interface LiveUse extends Disposable {
  /** Aborted, with the StorageError that says why, once the caller may not go on. */
  readonly signal: AbortSignal
}

interface Held {
  /** Takes the StorageError that says why. */
  readonly end: (reason: StorageError) => void
  /** Throws where the caller may not go on. */
  readonly assertStill: () => Promise<void>
}

/** Checked at the same time. */
const batchSize = 256

/**
 * What goes on for longer than a moment, so that no right outlives its end by more than that:
 * `recheck` is to be called twice a second.
 */
export class LiveUses {
  readonly #held = new Set<Held>()
  #checking: Promise<void> | undefined

  /** To be disposed of at its end. */
  begin(assertStill: () => Promise<void>): LiveUse {
    const controller = new AbortController()
    const held: Held = { end: (reason) => controller.abort(reason), assertStill }
    this.#held.add(held)
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => void this.#held.delete(held),
    }
  }

  /**
   * What a caller is waited for: given up once they may not go on, with the StorageError that says
   * why. Lighter than `begin`, since every small write waits for its value.
   */
  during<T>(work: Promise<T>, assertStill: () => Promise<void>): Promise<T> {
    return new Promise((resolve, reject) => {
      const held: Held = { end: reject, assertStill }
      this.#held.add(held)
      const settled = (): void => void this.#held.delete(held)
      work.then(resolve, reject)
      work.then(settled, settled)
    })
  }

  /** Ends every use whose caller may not go on. */
  recheck(): Promise<void> {
    this.#checking ??= this.#checkAll().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  /** Throws what is our own fault, once all are checked. */
  async #checkAll(): Promise<void> {
    const held = [...this.#held]
    const faults: unknown[] = []
    while (held.length > 0) {
      const checked = await Promise.allSettled(held.splice(-batchSize).map(check))
      for (const one of checked) if (one.status === 'rejected') faults.push(one.reason)
    }
    if (faults.length > 0) throw faults[0]
  }
}

/** While the storage fails, nobody knows: what goes on, goes on. */
async function check({ end, assertStill }: Held): Promise<void> {
  try {
    await assertStill()
  } catch (error) {
    if (error instanceof StorageError && !isFailure(error)) end(error)
    else if (!(error instanceof StorageError)) throw error
  }
}

function isFailure({ code }: StorageError): boolean {
  return ['storage-unavailable', 'store-busy', 'outcome-unknown', 'record-damaged'].includes(code)
}

/** A value whose sender is cut off when the use ends. */
export function whileLive(source: ByteSource, { signal }: LiveUse): ByteSource {
  return {
    take: async (count) => {
      signal.throwIfAborted()
      const { promise: ended, reject } = Promise.withResolvers<never>()
      const end = (): void => reject(signal.reason)
      signal.addEventListener('abort', end)
      try {
        return await Promise.race([source.take(count), ended])
      } finally {
        signal.removeEventListener('abort', end) // a use may last for millions of these
      }
    },
  }
}
