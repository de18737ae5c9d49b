import { describe, expect, it } from 'vitest'
import { CallLimit, TooManyCalls } from './call-limit.ts'

/** Counts calls, one per millisecond. */
function count(limit: CallLimit, calls: number, startMs: number): void {
  for (let call = 0; call < calls; call += 1) limit.count(startMs + call)
}

describe('the limit of calls', () => {
  it.each([
    [600, 'Please wait 60 seconds before'],
    [1_000, 'Please wait 59 seconds before'],
    [59_000, 'Please wait 1 seconds before'],
    [59_999, 'Please wait 1 seconds before'],
  ])('at %d ms says how long to wait for the 601st', (nowMs, words) => {
    const limit = new CallLimit()
    count(limit, 600, 0)
    expect(() => limit.count(nowMs)).toThrow(words)
    expect(() => limit.count(nowMs)).toThrow(TooManyCalls)
  })

  it("says it in App Lab's words", () => {
    const limit = new CallLimit()
    count(limit, 600, 0)
    expect(() => limit.count(600)).toThrow(
      'Data access rate limit exceeded; Please wait 60 seconds before retrying. The app is ' +
        'reading/writing data too many times per second. If you were trying to write data, it ' +
        "wasn't written.",
    )
  })

  it('counts no call that it refused', () => {
    const limit = new CallLimit()
    count(limit, 600, 0)
    for (let nowMs = 1_000; nowMs < 2_000; nowMs += 1) {
      expect(() => limit.count(nowMs)).toThrow(TooManyCalls)
    }
    count(limit, 600, 60_000)
    expect(() => limit.count(60_600)).toThrow(TooManyCalls)
  })

  it('slides: each call makes room for one a minute later', () => {
    const limit = new CallLimit()
    count(limit, 600, 0)
    limit.count(60_000)
    expect(() => limit.count(60_000)).toThrow(TooManyCalls)
    limit.count(60_001)
  })
})
