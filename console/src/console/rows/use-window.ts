import { type RefObject, useCallback, useLayoutEffect, useMemo, useState } from 'react'
import { type Drawn, drawnAt, scrollTo, type Track, trackPxOf } from './track.ts'

export interface RowsWindow extends Drawn {
  readonly trackPx: number
  /** Scrolls a row into view. */
  readonly show: (index: number) => void
  /** The rows of one screen. */
  readonly page: number
}

const headPx = 32

/** The part of a long list that is drawn, as its box is scrolled and resized. */
export function useRowsWindow(
  ref: RefObject<HTMLElement | null>,
  count: number,
  rowPx: number,
): RowsWindow {
  const [scrollPx, setScrollPx] = useState(0)
  const [viewPx, setViewPx] = useState(600)
  useLayoutEffect(() => {
    const box = ref.current
    if (!box) return undefined
    const measure = (): void => setViewPx(Math.max(rowPx, box.clientHeight - headPx))
    const note = (): void => setScrollPx(box.scrollTop)
    const observer = new ResizeObserver(measure)
    observer.observe(box)
    box.addEventListener('scroll', note, { passive: true })
    measure()
    note()
    return () => {
      observer.disconnect()
      box.removeEventListener('scroll', note)
    }
  }, [ref, rowPx])
  const track: Track = useMemo(() => ({ count, rowPx, viewPx }), [count, rowPx, viewPx])
  const show = useCallback(
    (index: number) => {
      const box = ref.current
      if (box) box.scrollTop = scrollTo(track, box.scrollTop, index)
    },
    [ref, track],
  )
  const drawn = drawnAt(track, Math.min(scrollPx, Math.max(0, trackPxOf(track) - viewPx)))
  return { ...drawn, trackPx: trackPxOf(track), show, page: Math.floor(viewPx / rowPx) }
}
