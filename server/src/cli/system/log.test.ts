import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EngineError } from '../../core/engine/engine.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { Log } from './log.ts'

describe('the log', () => {
  let lines: string[]
  let log: Log
  /** How far the clock was set forward since the start. */
  let setMs: number
  beforeEach(() => {
    setMs = 0
    vi.useFakeTimers({ now: Date.UTC(2027, 0, 31) })
    lines = []
    const begun = Date.now()
    log = new Log({
      write: (line) => lines.push(line),
      now: () => Date.now() + setMs,
      monotonic: () => Date.now() - begun,
    })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('writes an event once within a minute, and then how many more there were', () => {
    for (let count = 0; count < 25; count += 1)
      log.add('A wrong token came from 192.0.2.1', undefined)
    expect(lines).toEqual(['2027-01-31T00:00:00.000Z A wrong token came from 192.0.2.1\n'])
    vi.advanceTimersByTime(limits.logWindowMs)
    expect(lines.slice(1)).toEqual([
      '2027-01-31T00:01:00.000Z 24 more within a minute: A wrong token came from 192.0.2.1\n',
    ])
    vi.advanceTimersByTime(10 * limits.logWindowMs)
    expect(lines).toHaveLength(2)
    log.add('A wrong token came from 192.0.2.1', undefined)
    expect(lines).toHaveLength(3)
  })

  it('counts the minute whatever happens to the clock', () => {
    for (const step of [-3_600_000, 7_200_000]) {
      lines.length = 0
      log.add('An event', undefined)
      setMs += step
      log.add('An event', undefined)
      expect(lines).toHaveLength(1)
      vi.advanceTimersByTime(limits.logWindowMs)
      log.add('An event', undefined)
      expect(lines).toHaveLength(3)
      vi.advanceTimersByTime(limits.logWindowMs)
    }
  })

  it('writes failures with the same cause a few times, whatever was asked', () => {
    for (let count = 0; count < 1_000; count += 1) log.add(`GET /${count} failed`, new Error('bug'))
    expect(lines).toHaveLength(limits.logRepeatsMax)
    log.add('GET /other failed', new Error('another bug'))
    expect(lines).toHaveLength(limits.logRepeatsMax + 1)
    log.flush()
    expect(lines.at(-1)).toContain(`${1_000 - limits.logRepeatsMax} more within a minute: bug\n`)
  })

  it('has a limit for different lines too', () => {
    for (let count = 0; count < 5_000; count += 1) log.add(`Event ${count}`, undefined)
    expect(lines).toHaveLength(limits.logLinesMax)
    log.flush()
    const more = 5_000 - limits.logLinesMax
    expect(lines.slice(limits.logLinesMax)).toEqual([
      `2027-01-31T00:00:00.000Z ${more} more within a minute: other lines\n`,
    ])
  })

  it('has few lines for strangers, who so never keep others out of it', () => {
    const strangers = 5_000
    for (let count = 0; count < strangers; count += 1) {
      log.add(`A wrong token came from ${count}`, undefined, { isOfStranger: true })
    }
    expect(lines).toHaveLength(limits.logStrangerLinesMax)
    log.add('Writes are refused', undefined)
    expect(lines.at(-1)).toContain(' Writes are refused\n')
    log.flush()
    const more = strangers - limits.logStrangerLinesMax
    expect(lines.at(-1)).toContain(` ${more} more within a minute: other wrong tokens and keys\n`)
  })

  it('shows the stack only of a failure that nobody expected', () => {
    const cause = new EngineError('damaged', 'Page 7 is damaged.')
    log.add('GET /x', new StorageError('record-damaged', 'The data is damaged.', { cause }))
    expect(lines).toEqual([
      '2027-01-31T00:00:00.000Z GET /x: The data is damaged. | because of Page 7 is damaged.\n',
    ])
    log.add('GET /y failed', new TypeError('x is undefined'))
    expect(lines[1]).toMatch(/TypeError: x is undefined \| at .*log\.test\.ts/)
  })

  it('has one line for each entry, and no password of a database', () => {
    log.add('two\nlines', new Error('postgres://me:hidden@host/db'))
    expect(lines.join('').trimEnd()).not.toMatch(/\n|hidden/)
  })
})
