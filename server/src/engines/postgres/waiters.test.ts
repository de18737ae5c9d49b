import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Waiters } from './waiters.ts'

const waitMsMax = 8_000

describe('calls that wait for the database', () => {
  let waiters: Waiters
  beforeEach(() => {
    vi.useFakeTimers()
    waiters = new Waiters(waitMsMax)
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** What has become of a call; undefined: it still waits. */
  function outcomeOf(answer: Promise<unknown>): { now: unknown } {
    const outcome: { now: unknown } = { now: undefined }
    answer.then(
      (value) => {
        outcome.now = value
      },
      (error) => {
        outcome.now = error
      },
    )
    return outcome
  }

  it('are each rejected when their own time is over', async () => {
    const first = outcomeOf(waiters.add().answer)
    await vi.advanceTimersByTimeAsync(3_000)
    const second = outcomeOf(waiters.add().answer)
    await vi.advanceTimersByTimeAsync(4_999)
    expect([first.now, second.now]).toEqual([undefined, undefined])
    await vi.advanceTimersByTimeAsync(1)
    expect(first.now).toMatchObject({ failure: 'unavailable', applied: 'no' })
    expect(second.now).toBeUndefined()
    await vi.advanceTimersByTimeAsync(3_000)
    expect(second.now).toMatchObject({ failure: 'unavailable', applied: 'no' })
  })

  it('have an unknown outcome from when they may be applied', async () => {
    const waiter = waiters.add()
    const outcome = outcomeOf(waiter.answer)
    waiter.begin()
    await vi.advanceTimersByTimeAsync(waitMsMax)
    expect(outcome.now).toMatchObject({ failure: 'unavailable', applied: 'unknown' })
  })

  it('are settled once, and then no longer waited for', async () => {
    const waiter = waiters.add<string>()
    const outcome = outcomeOf(waiter.answer)
    waiter.resolve('done')
    await vi.advanceTimersByTimeAsync(10 * waitMsMax)
    waiter.reject(new Error('late'))
    await vi.advanceTimersByTimeAsync(0)
    expect(outcome.now).toBe('done')
    expect(waiter.isOver).toBe(true)
  })

  it('may consist of several steps, which have one time together', async () => {
    const step = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3_000))
    const outcome = outcomeOf(
      waiters.during(async () => {
        for (let count = 0; count < 5; count += 1) await step()
        return 'all'
      }),
    )
    await vi.advanceTimersByTimeAsync(waitMsMax - 1)
    expect(outcome.now).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(outcome.now).toMatchObject({ failure: 'unavailable', applied: 'no' })
  })
})
