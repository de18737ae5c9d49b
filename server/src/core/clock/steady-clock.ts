import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'
import { spanText } from './span.ts'

/** What a clock must remember over a restart. */
export interface ClockMemory {
  /** The latest time that was taken for right, in ms since 1970. */
  readonly newest: number
  /** How far the clock was ahead of it, while that was not confirmed; 0: it was not. */
  readonly aheadMs: number
  /** When somebody confirmed the clock last; 0: never. */
  readonly confirmedAt: number
}

/** Where the steady time stood, and where the other clocks stood at that moment. */
interface Anchor {
  readonly steady: number
  readonly monotonic: number
  readonly asleep: number
}

/**
 * The time by which stores, uploads, replaced values and changes grow old. Nothing may be deleted
 * because a clock was wrong, so this does not believe every step of the machine's clock.
 *
 * The *steady time* follows the machine's clock, which is compared with the monotonic clock all the
 * time. It takes over steps of a second at once and longer ones of up to a minute little by little,
 * as time servers correct clocks. After a longer step in any direction expiry is *held*: the steady
 * time goes on at the pace of the monotonic clock, until the machine's clock is back or somebody
 * confirms it. At a start the same is done by the newest time that was stored, except that a server
 * may have been stopped for a day.
 *
 * A clock that is confirmed says nothing about the times that were stored before. So everything
 * that was stored before gets its full time from that moment on (`dueAt`).
 */
export class SteadyClock {
  readonly #environment: Environment
  readonly #isQuiet: boolean
  /** Replaces the machine's clock: what the storage's own clock said, and when it was asked. */
  #asked: { readonly time: number; readonly monotonic: number } | undefined
  #anchor: Anchor
  /** How far ahead the clock may be for the hold to end; undefined: expiry is not held. */
  #heldSlackMs: number | undefined
  #confirmedAt = 0
  /** The results of the last look. The steady time is not rounded: it is looked at very often. */
  #read = 0
  #steady = 0
  /**
   * How long the machine had slept when that was read last, and how far the clock was off at the
   * last judgement.
   */
  #slept = { at: -Infinity, asleep: 0 }
  #drift = 0

  /** `isQuiet`: the log does not tell that expiry is held. */
  constructor(environment: Environment, { isQuiet = false } = {}) {
    this.#environment = environment
    this.#isQuiet = isQuiet
    this.#anchor = this.#anchorAt(environment.now())
    this.#look()
  }

  /**
   * The time for everything that is stored and grows old later. While expiry is held it is the
   * later of the two times in question: what is stored now is never too old later.
   */
  now(): number {
    this.#look()
    const steady = Math.round(this.#steady)
    return this.#heldSlackMs === undefined ? steady : Math.max(steady, this.#read)
  }

  /**
   * The time from which a store gets its full time again, which other servers compare with theirs.
   * While expiry is held this is the latest that it may be: a server that was started meanwhile may
   * be behind the others by as long as it was stopped.
   */
  renewal(): number {
    this.#look()
    const steady = Math.round(this.#steady)
    const slack = this.#heldSlackMs
    return slack === undefined ? steady : Math.max(steady + Math.round(slack), this.#read)
  }

  /** What the clock itself says. */
  reading(): number {
    this.#look()
    return this.#read
  }

  /** The time by which to decide whether something is old. */
  steady(): number {
    this.#look()
    return Math.round(this.#steady)
  }

  /** The time by which rights end: a right ends if any clock says so. */
  latest(): number {
    this.#look()
    return Math.max(Math.round(this.#steady), this.#read)
  }

  /** Whether no store may expire now. */
  get isHeld(): boolean {
    this.#look()
    return this.#heldSlackMs !== undefined
  }

  /** A sentence that says why expiry is held; undefined: it is not. */
  get problem(): string | undefined {
    return this.isHeld ? this.#sentence() : undefined
  }

  get memory(): ClockMemory {
    const newest = this.steady()
    const aheadMs = this.isHeld ? Math.max(0, this.#read - newest) : 0
    return { newest, aheadMs, confirmedAt: this.#confirmedAt }
  }

  /** When something may be removed that is stored to be kept for `keptMs`, until `dueAt`. */
  dueAt(dueAt: number, keptMs: number): number {
    if (dueAt - keptMs >= this.#confirmedAt) return dueAt
    return Math.max(dueAt, this.#confirmedAt + keptMs)
  }

  /**
   * The storage's own clock, which all its servers share, said `time` when the monotonic clock
   * stood at `monotonic`.
   */
  ask(time: number, monotonic: number = this.#environment.monotonic()): void {
    const isFirst = this.#asked === undefined
    this.#asked = { time, monotonic }
    // That both clocks differ is no step of either of them.
    if (isFirst) this.#anchor = this.#anchorAt(this.#reading())
    this.#look()
  }

  /** At a start: compares the clock with what was stored. */
  resume({ newest, aheadMs, confirmedAt }: ClockMemory): void {
    this.#confirmedAt = confirmedAt
    this.#heldSlackMs = undefined
    const ahead = this.#reading() - newest
    const isStillAhead = aheadMs > 0 && ahead >= aheadMs - limits.clockStepMsMax
    const isUsual = ahead >= 0 && ahead <= limits.clockStoppedMsMax
    this.#anchor = this.#anchorAt(isUsual && !isStillAhead ? newest + ahead : newest)
    this.#compare()
    const stoppedMs = limits.clockStoppedMsMax
    if (isStillAhead) this.#hold(Math.min(aheadMs / 2, stoppedMs))
    else if (ahead > stoppedMs || ahead < -limits.clockStepMsMax) this.#hold(stoppedMs)
    else this.#look()
  }

  /** What is to be remembered if somebody says now that the clock is right. */
  get confirmation(): ClockMemory {
    const newest = this.#reading()
    return { newest, aheadMs: 0, confirmedAt: newest }
  }

  /** The clock was confirmed at `confirmedAt`, maybe by another server. */
  confirmAs(confirmedAt: number): void {
    if (this.#heldSlackMs !== undefined) this.#log('The clock was confirmed.')
    this.#heldSlackMs = undefined
    this.#confirmedAt = confirmedAt
    this.#anchor = this.#anchorAt(this.#reading())
    this.#look()
  }

  /** This runs for many requests: it is cheap while nothing is wrong. */
  #look(): void {
    const { drift, passed, monotonic } = this.#compare()
    if (this.#heldSlackMs !== undefined || Math.abs(drift) > limits.clockJitterMsMax) {
      this.#judge(monotonic, this.#asleepAt(monotonic, drift))
      return
    }
    this.#steady = this.#read
    if (passed >= limits.clockAnchorMs) this.#anchor = this.#anchorAt(this.#read)
  }

  /**
   * Reads the clock, and lets the steady time go on at the pace of the monotonic clock. Returns how
   * far the clock is ahead of it, how many ms have passed, and the time of the monotonic clock.
   */
  #compare(): { drift: number; passed: number; monotonic: number } {
    const monotonic = this.#environment.monotonic()
    const passed = monotonic - this.#anchor.monotonic
    this.#read = this.#reading(monotonic)
    this.#steady = this.#anchor.steady + passed
    return { drift: this.#read - this.#steady, passed, monotonic }
  }

  /** The clock differs from the steady time, or did so before. */
  #judge(monotonic: number, asleep: number): void {
    const anchor = this.#anchor
    const slept = Math.max(0, asleep - anchor.asleep)
    const passed = monotonic - anchor.monotonic + slept
    this.#steady = anchor.steady + passed
    const drift = this.#read - this.#steady
    const { clockStepMsMax: stepMax, clockJitterMsMax: jitterMax } = limits
    if (this.#heldSlackMs === undefined && Math.abs(drift) > stepMax) this.#hold(stepMax)
    const slack = this.#heldSlackMs
    if (slack !== undefined && drift >= -stepMax && drift <= slack) this.#release(drift)
    if (this.#heldSlackMs === undefined) {
      const nudgeMax = passed * limits.clockSlewShare
      const isAtOnce = Math.abs(drift) <= jitterMax || drift > stepMax
      this.#steady += isAtOnce ? drift : Math.min(nudgeMax, Math.max(-nudgeMax, drift))
    }
    this.#drift = this.#read - this.#steady
    const steady = this.#steady
    this.#anchor = { steady, monotonic, asleep: Math.max(asleep, anchor.asleep) }
  }

  /**
   * For how long the machine has slept. To read that is slow, and while something is wrong, every
   * request looks at the clock. So it is read when the clock has moved, and else once a second.
   */
  #asleepAt(monotonic: number, drift: number): number {
    const hasMoved = Math.abs(drift - this.#drift) > limits.clockJitterMsMax
    if (hasMoved || monotonic - this.#slept.at >= limits.clockLookMs) {
      this.#slept = { at: monotonic, asleep: this.#environment.asleep() }
    }
    return this.#slept.asleep
  }

  #hold(slackMs: number): void {
    this.#heldSlackMs = slackMs
    this.#log(this.#sentence())
  }

  /**
   * A server that was stopped for a while finds a right clock ahead of the expected time. What it
   * stored meanwhile must not be too old at once.
   */
  #release(drift: number): void {
    this.#heldSlackMs = undefined
    if (drift > limits.clockStepMsMax) this.#confirmedAt = this.#read
    this.#log('The clock is right again: stores expire as before.')
  }

  #log(sentence: string): void {
    if (!this.#isQuiet) this.#environment.logError(sentence, undefined)
  }

  #sentence(): string {
    const by = this.#read - this.#steady
    const where = by < 0 ? 'behind' : 'ahead of'
    const expected = new Date(this.#steady).toISOString()
    return (
      `The clock is ${spanText(by)} ${where} the time that Coatcheck expects, ${expected}: ` +
      'no store expires until the clock is right again, or until an admin confirms it ' +
      '(coatcheck clock confirm).'
    )
  }

  #reading(monotonic = this.#environment.monotonic()): number {
    if (this.#asked === undefined) return this.#environment.now()
    return Math.round(this.#asked.time + monotonic - this.#asked.monotonic)
  }

  #anchorAt(steady: number): Anchor {
    const monotonic = this.#environment.monotonic()
    const asleep = this.#environment.asleep()
    this.#slept = { at: monotonic, asleep }
    return { steady, monotonic, asleep }
  }
}
