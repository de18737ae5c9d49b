import type { ByteSource } from '../kernel/byte-source.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'

/** A long use of a store, such as an open stream or WebSocket. */
export interface LiveUse extends Disposable {
  /** Aborted, with a StorageError as its reason, once the caller has lost the right to the use. */
  readonly signal: AbortSignal
}

interface Held {
  /** Ends the use. The reason is a StorageError. */
  readonly end: (reason: StorageError) => void
  /** Throws if the caller has lost the right to the use. */
  readonly assertStill: () => Promise<void>
}

/** Uses whose callers have the same rights: they are checked together. */
class Group implements Held {
  readonly assertStill: () => Promise<void>
  readonly members = new Set<AbortController>()

  constructor(assertStill: () => Promise<void>) {
    this.assertStill = assertStill
  }

  readonly end = (reason: StorageError): void => {
    for (const member of this.members) member.abort(reason)
  }
}

/**
 * All long uses: each ends soon after its caller has lost the right to it. `recheck` must be called
 * about twice a second.
 */
export class LiveUses {
  readonly #held = new Set<Held>()
  /** By the key of their rights. */
  readonly #groups = new Map<string, Group>()
  #checking: Promise<void> | undefined

  /**
   * Starts a use. Dispose of it at its end. Uses with the same `rightsKey` have the same rights:
   * one check is enough for all of them.
   */
  begin(assertStill: () => Promise<void>, rightsKey?: string): LiveUse {
    if (rightsKey !== undefined) return this.#join(rightsKey, assertStill)
    const controller = new AbortController()
    const held: Held = { end: (reason) => controller.abort(reason), assertStill }
    this.#held.add(held)
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => void this.#held.delete(held),
    }
  }

  #join(rightsKey: string, assertStill: () => Promise<void>): LiveUse {
    const controller = new AbortController()
    const group = this.#groups.get(rightsKey) ?? new Group(assertStill)
    this.#groups.set(rightsKey, group)
    this.#held.add(group)
    group.members.add(controller)
    const leave = (): void => {
      group.members.delete(controller)
      if (group.members.size > 0) return
      this.#held.delete(group)
      if (this.#groups.get(rightsKey) === group) this.#groups.delete(rightsKey)
    }
    return { signal: controller.signal, [Symbol.dispose]: leave }
  }

  /**
   * Waits for `work`, such as the arrival of a request's body. Rejects with a StorageError once the
   * caller has lost the right to the use. Lighter than `begin`, since every small write waits for
   * its value.
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

  /** Ends every use whose caller has lost the right to it. */
  recheck(): Promise<void> {
    this.#checking ??= this.#checkAll().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  /** Checks all uses, then throws the first error that is a bug of ours, if any. */
  async #checkAll(): Promise<void> {
    const held = [...this.#held]
    const faults: unknown[] = []
    while (held.length > 0) {
      const checked = await Promise.allSettled(held.splice(-limits.recheckedUsesAtOnce).map(check))
      for (const one of checked) if (one.status === 'rejected') faults.push(one.reason)
    }
    if (faults.length > 0) throw faults[0]
  }
}

/** While the storage fails, the right can't be checked, and the use goes on. */
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

/** A value whose sender is cut off when the use ends: `take` then rejects with the use's reason. */
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
        signal.removeEventListener('abort', end) // one use may take millions of times
      }
    },
  }
}
