import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawnAt, scrollTo, type Track, trackPxMax, trackPxOf } from './track.ts'

const million: Track = { count: 1_000_000, rowPx: 36, viewPx: 640 }

describe('the track of a long list', () => {
  it('shows the first and the last of a million rows at its ends, and few rows at a time', () => {
    expect(trackPxOf(million)).toBe(trackPxMax)
    const start = drawnAt(million, 0)
    expect(start).toMatchObject({ first: 0, topPx: 0 })
    const end = drawnAt(million, trackPxMax - million.viewPx)
    expect(end.end).toBe(1_000_000)
    const lastRowEnds = end.topPx + (end.end - end.first) * million.rowPx
    expect(lastRowEnds).toBeCloseTo(trackPxMax, 3)
    for (const { first, end } of [start, drawnAt(million, 4_000_000)]) {
      expect(end - first).toBeLessThan(60)
    }
  })

  it('scrolls any row into view, and no further than needed', () => {
    const counts = fc.integer({ min: 1, max: 3_000_000 })
    fc.assert(
      fc.property(
        counts,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        (count, at, row) => {
          const track: Track = { count, rowPx: 36, viewPx: 640 }
          const scrollPx = at * Math.max(0, trackPxOf(track) - track.viewPx)
          const index = row % count
          const { first, end, topPx } = drawnAt(track, scrollTo(track, scrollPx, index))
          expect(first).toBeLessThanOrEqual(index)
          expect(end).toBeGreaterThan(index)
          expect(topPx).toBeGreaterThan(-1_000_000)
        },
      ),
    )
  })
})
