import type { AtomicWrite } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { garbageTotalKey } from './keyspace.ts'

/**
 * Counts the bytes of garbage that the commits of this server leave, so that a sweep begins as soon
 * as there is much of it: how fast garbage grows depends on the writers, not on the time.
 */
export class GarbageTally {
  readonly #onMuch: () => void
  #bytes = 0

  /** `onMuch` is called each time another half of `garbageBytesMax` was left. */
  constructor(onMuch: () => void) {
    this.#onMuch = onMuch
  }

  /** To be called after each commit that replaces or removes records. */
  note({ sums = [] }: AtomicWrite): void {
    // The key is always this object: comparing bytes would only cost time.
    for (const { key, delta } of sums) if (key === garbageTotalKey) this.#bytes += Number(delta)
    if (this.#bytes < limits.garbageBytesMax / 2) return
    this.#bytes = 0
    this.#onMuch()
  }
}
