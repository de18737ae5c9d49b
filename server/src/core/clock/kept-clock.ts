import { clockKey, formatKey } from '../disk/keyspace.ts'
import type { Entry, Put, StorageEngine } from '../engine/engine.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import type { ClockMemory, SteadyClock } from './steady-clock.ts'

/**
 * Keeps a steady clock over restarts, and alike on all servers of one storage: in one entry. If the
 * storage has a clock of its own, all its servers use that one instead of their machines' clocks.
 */
export class KeptClock {
  readonly #engine: StorageEngine
  readonly #environment: Environment
  readonly #clock: SteadyClock
  /** When the entry was written last, by the monotonic clock, and whether expiry was held then. */
  #kept = { at: -Infinity, isHeld: false }
  /** The confirmation that was read from the entry or written into it last. */
  #storedConfirmation = 0

  constructor(parts: { engine: StorageEngine; environment: Environment; clock: SteadyClock }) {
    this.#engine = parts.engine
    this.#environment = parts.environment
    this.#clock = parts.clock
  }

  /** At a start, before anything is stored or expires: compares the clock with the entry. */
  async open(): Promise<this> {
    const hasOwnClock = await this.#ask()
    const [entry, format] = await this.#engine.get([clockKey, formatKey])
    const memory = memoryOf(entry)
    if (memory) {
      this.#storedConfirmation = memory.confirmedAt
      this.#clock.resume(memory)
      return this
    }
    // Data from before there was such an entry: its clock is at least past the first start. That
    // was noted by a server's clock, so it says nothing about a storage's own clock.
    const createdAt = createdAtOf(format)
    if (!hasOwnClock && createdAt > this.#clock.latest()) {
      this.#clock.resume({ newest: createdAt, aheadMs: 0, confirmedAt: 0 })
    }
    return this
  }

  /**
   * To be called often. Asks the storage for its time, takes over what other servers confirmed,
   * and writes the entry now and then.
   */
  async keep(): Promise<void> {
    await this.#ask()
    const isHeld = this.#clock.isHeld
    const age = this.#environment.monotonic() - this.#kept.at
    if (!this.#engine.isShared && isHeld === this.#kept.isHeld && age < limits.clockKeptMs) return
    const [entry] = await this.#engine.get([clockKey])
    this.#adopt(entry)
    if (this.#clock.isHeld === this.#kept.isHeld && age < limits.clockKeptMs) return
    await this.#write(entry)
  }

  /**
   * Takes over what another server has confirmed. Returns the entry that says so, whose revision
   * tells whether anybody has confirmed something since.
   */
  async adoptConfirmation(): Promise<Entry | undefined> {
    const [entry] = await this.#engine.get([clockKey])
    this.#adopt(entry)
    return entry
  }

  /** Before an orderly stop: the next start then knows the time of this one. */
  async close(): Promise<void> {
    const [entry] = await this.#engine.get([clockKey])
    this.#adopt(entry)
    await this.#write(entry)
  }

  /**
   * Somebody says that the clock is right, which `note` puts on record in the same commit, with its
   * time. If nobody doubted the clock, nothing changes. Throws `store-busy`.
   */
  async confirm(note: (at: number) => readonly Put[]): Promise<void> {
    await this.#ask()
    const attempt = async (): Promise<undefined | typeof lostRace> => {
      const [entry] = await this.#engine.get([clockKey])
      this.#adopt(entry)
      if (!this.#clock.isHeld) return
      const { confirmation } = this.#clock
      const { newest, confirmedAt } = confirmation
      if (!(await this.#put(entry, confirmation, note(newest)))) return lostRace
      this.#clock.confirmAs(confirmedAt)
      this.#kept = { at: this.#environment.monotonic(), isHeld: false }
      return
    }
    return retry(limits.commitAttemptsMax, attempt, () => {
      throw new StorageError('store-busy', 'Too many servers write the time at once. Try again.')
    })
  }

  /** Returns whether the storage has a clock of its own. */
  async #ask(): Promise<boolean> {
    const before = this.#environment.monotonic()
    const time = await this.#engine.readClock?.()
    if (time === undefined) return false
    // It was read at some moment of the wait: half of the wait is the best guess.
    this.#clock.ask(time, (before + this.#environment.monotonic()) / 2)
    return true
  }

  /**
   * Takes over a confirmation that another server has written meanwhile. A later one may have an
   * earlier time: the clock was set back before it.
   */
  #adopt(entry: Entry | undefined): void {
    const known = memoryOf(entry)
    if (!known || known.confirmedAt === this.#storedConfirmation) return
    this.#storedConfirmation = known.confirmedAt
    this.#clock.confirmAs(known.confirmedAt)
  }

  /** Does nothing if another server was faster. */
  async #write(before: Entry | undefined): Promise<void> {
    const { isHeld, memory } = this.#clock
    if (!(await this.#put(before, memory))) return
    this.#kept = { at: this.#environment.monotonic(), isHeld }
  }

  /** False if another server was faster. */
  async #put(
    before: Entry | undefined,
    memory: ClockMemory,
    others: readonly Put[] = [],
  ): Promise<boolean> {
    const { applied } = await this.#engine.commit({
      checks: [{ key: clockKey, revision: before?.revision }],
      puts: [{ key: clockKey, value: encodeMemory(memory) }, ...others],
      isUrgent: true,
    })
    if (applied) this.#storedConfirmation = memory.confirmedAt
    return applied
  }
}

/** DO NOT CHANGE, it is on disk: JSON. */
function encodeMemory({ newest, aheadMs, confirmedAt }: ClockMemory): Buffer {
  return Buffer.from(JSON.stringify({ newest, aheadMs, confirmedAt }))
}

/** Undefined if there is no entry, or if it is damaged. */
function memoryOf(entry: Entry | undefined): ClockMemory | undefined {
  if (!entry || entry.isDamaged) return undefined
  return JSON.parse(Buffer.from(entry.value).toString('utf8'))
}

function createdAtOf(format: Entry | undefined): number {
  if (!format || format.isDamaged) return 0
  const { createdAt } = JSON.parse(Buffer.from(format.value).toString('utf8'))
  return typeof createdAt === 'number' ? createdAt : 0
}
