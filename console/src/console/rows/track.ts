/** Browsers draw nothing right beyond some 16 million pixels: a longer track is scaled. */
export const trackPxMax = 8_000_000

/** Rows of one height in a box that scrolls. */
export interface Track {
  readonly count: number
  readonly rowPx: number
  /** The height of the box. */
  readonly viewPx: number
}

/** The height of what scrolls. */
export function trackPxOf({ count, rowPx }: Track): number {
  return Math.min(count * rowPx, trackPxMax)
}

/** The rows to draw at a scroll position, and where the first one stands in the track. */
export interface Drawn {
  readonly first: number
  /** One behind the last row. */
  readonly end: number
  readonly topPx: number
}

/** Rows that are drawn above and below the box, so that scrolling shows no gap. */
const spare = 6

export function drawnAt(track: Track, scrollPx: number): Drawn {
  const { count, rowPx, viewPx } = track
  const offset = offsetOf(track, scrollPx)
  const first = Math.max(0, Math.floor(offset / rowPx) - spare)
  const end = Math.min(count, Math.ceil((offset + viewPx) / rowPx) + spare)
  return { first, end, topPx: scrollPx - (offset - first * rowPx) }
}

/** The scroll position at which a row is seen whole, as near as possible to the present one. */
export function scrollTo(track: Track, scrollPx: number, index: number): number {
  const { rowPx, viewPx } = track
  const offset = offsetOf(track, scrollPx)
  const top = index * rowPx
  if (top >= offset && top + rowPx <= offset + viewPx) return scrollPx
  const wanted = top < offset ? top : top + rowPx - viewPx
  const ratio = ratioOf(track)
  return ratio === 0 ? 0 : wanted / ratio
}

/** The pixel of all rows, unscaled, that is at the upper edge of the box. */
function offsetOf(track: Track, scrollPx: number): number {
  return scrollPx * ratioOf(track)
}

/** How many pixels of rows go by for each pixel of the track. */
function ratioOf(track: Track): number {
  const { count, rowPx, viewPx } = track
  const hidden = trackPxOf(track) - viewPx
  return hidden <= 0 ? 0 : (count * rowPx - viewPx) / hidden
}
