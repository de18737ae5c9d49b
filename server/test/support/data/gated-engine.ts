import type {
  AtomicWrite,
  Commit,
  KeyRange,
  Page,
  ScanBound,
} from '../../../src/core/engine/engine.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'

/** An engine whose scans wait while a gate is closed, and that counts commits in flight. */
export class GatedEngine extends MemoryEngine {
  #gate: PromiseWithResolvers<void> | undefined
  #commits = 0
  /** How many commits were in flight at the same time, at most. */
  commitsMost = 0
  /** How many scans wait at the gate. */
  waitingScans = 0

  closeGate(): void {
    this.#gate ??= Promise.withResolvers()
  }

  openGate(): void {
    this.#gate?.resolve()
    this.#gate = undefined
  }

  override async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    this.waitingScans += 1
    await this.#gate?.promise
    this.waitingScans -= 1
    return super.scan(range, bound)
  }

  /** Takes two turns of the event loop, as a sync to the disk takes time. */
  override async commit(write: AtomicWrite): Promise<Commit> {
    this.#commits += 1
    this.commitsMost = Math.max(this.commitsMost, this.#commits)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    this.#commits -= 1
    return super.commit(write)
  }
}
