import sortedBTree from 'sorted-btree'
import { addToCounter, decodeCounter, encodeCounter } from '../core/engine/counter.ts'
import {
  type AtomicWrite,
  type Check,
  type Commit,
  EngineError,
  type EngineLimits,
  type Entry,
  type KeyRange,
  type Page,
  type Revision,
  type ScanBound,
} from '../core/engine/engine.ts'
import type { EngineHealth, InstalledEngine } from '../core/engine/installed-engine.ts'
import { Newest } from '../core/engine/newest.ts'
import { measureRestore, measureWrite } from '../core/engine/write-rules.ts'
import { asBuffer, type Bytes } from '../core/kernel/bytes.ts'
import { limits } from '../core/kernel/limits.ts'

interface Kept {
  readonly value: Buffer
  readonly isCounter: boolean
  readonly revision: Revision
}

const engineLimits: EngineLimits = {
  keyBytesMax: 2_690,
  valueBytesMax: limits.entryValueBytesMax,
  commitBytesMax: limits.commitBytesMax,
}

/**
 * A sorted tree in memory: the reference implementation of the engine contract. Its data is lost
 * when it is closed.
 */
export class MemoryEngine implements InstalledEngine {
  readonly limits = engineLimits
  readonly isShared = false
  // Keys are latin1 strings, one char a byte, so that their order is the order of bytes.
  // The package is CommonJS: its class is the module's `default`.
  readonly #tree = new sortedBTree.default<string, Kept>(undefined, compareStrings)
  readonly #newest = new Newest(0)
  #closed = false

  get(keys: readonly Bytes[]): (Entry | undefined)[] {
    this.#assertOpen()
    return keys.map((key) => {
      const kept = this.#tree.get(nameOf(key))
      return kept && entryOf(key, kept)
    })
  }

  async scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    this.#assertOpen()
    const end = nameOf(range.end)
    const entries: Entry[] = []
    let bytes = 0
    for (const [name, kept] of this.#tree.entries(nameOf(range.start))) {
      if (name >= end) break
      if (entries.length >= bound.limit || bytes >= bound.bytes) return { entries, more: true }
      entries.push(entryOf(Buffer.from(name, 'latin1'), kept))
      bytes += name.length + kept.value.length
    }
    return { entries, more: false }
  }

  async commit(write: AtomicWrite): Promise<Commit> {
    this.#assertOpen()
    measureWrite(write, engineLimits)
    if (!(write.checks ?? []).every((check) => this.#holds(check))) return { applied: false }
    const totals = this.#totalsAfter(write)
    const revision = this.#newest.revision + 1
    for (const key of write.deletes ?? []) this.#tree.delete(nameOf(key))
    for (const put of write.puts ?? []) {
      const name = put.stamped ? nameOf(put.key) + stampOf(revision) : nameOf(put.key)
      this.#tree.set(name, { value: Buffer.from(put.value), isCounter: false, revision })
    }
    for (const [name, value] of totals) this.#tree.set(name, { value, isCounter: true, revision })
    this.#newest.advance(revision)
    return { applied: true, revision }
  }

  /** See `InstalledEngine.restore`. */
  async restore(entries: readonly Entry[], newest: Revision): Promise<void> {
    this.#assertOpen()
    measureRestore(entries, { newest, limits: engineLimits })
    for (const { key, value, revision, isCounter = false } of entries) {
      this.#tree.set(nameOf(key), { value: Buffer.from(value), isCounter, revision })
    }
    this.#newest.advance(newest)
  }

  /** See `InstalledEngine.moveOn`. */
  async moveOn(floorOf: (newest: Revision) => Revision): Promise<void> {
    this.#assertOpen()
    this.#newest.advance(floorOf(this.#newest.revision))
  }

  async newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    this.#assertOpen()
    return this.#newest.newerThan(revision, signal)
  }

  async health(): Promise<EngineHealth> {
    const whyNot = this.#closed ? 'The engine is closed.' : undefined
    return { whyNot, durability: 'none', notes: [], now: undefined }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#newest.close()
    this.#tree.clear()
  }

  #holds(check: Check): boolean {
    return this.#tree.get(nameOf(check.key))?.revision === check.revision
  }

  /** Computed before anything is written, so that a refusal changes nothing. */
  #totalsAfter(write: AtomicWrite): Map<string, Buffer> {
    const totals = new Map<string, Buffer>()
    for (const { key, delta } of write.sums ?? []) {
      const kept = this.#tree.get(nameOf(key))
      if (kept && !kept.isCounter) throw new EngineError('refused', 'This key holds a value.')
      totals.set(nameOf(key), encodeCounter(addToCounter(decodeCounter(kept?.value), delta)))
    }
    return totals
  }

  #assertOpen(): void {
    if (this.#closed) throw new EngineError('closed', 'The engine is closed.')
  }
}

function compareStrings(a: string, b: string): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}

function nameOf(key: Bytes): string {
  return asBuffer(key).toString('latin1')
}

function stampOf(revision: Revision): string {
  const stamp = Buffer.alloc(8)
  stamp.writeBigUInt64BE(BigInt(revision))
  return stamp.toString('latin1')
}

function entryOf(key: Bytes, kept: Kept): Entry {
  const { isCounter, revision, value } = kept
  return { key: Buffer.from(key), value: Buffer.from(value), revision, isCounter }
}
