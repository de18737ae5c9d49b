import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react'
import { useRowsWindow } from '../../rows/use-window.ts'

export interface LinesProps {
  readonly label: string
  readonly count: number
  readonly lineAt: (index: number) => ReactNode
  /** Of one line, in pixels. */
  readonly linePx?: number
  /** The current line: it is kept in view. */
  readonly cursor?: number
  readonly onCursor?: (index: number) => void
  /** Any other key. Returns whether it did something. */
  readonly onKey?: (event: KeyboardEvent) => boolean
  readonly head?: ReactNode
}

/** Lines of one height, however many: only what is seen is drawn. */
export function Lines(props: LinesProps): ReactNode {
  const { label, count, lineAt, linePx = 20, cursor = -1, onCursor } = props
  const box = useRef<HTMLElement>(null)
  const { first, end, topPx, trackPx, show, page } = useRowsWindow(box, count, linePx)
  useEffect(() => {
    if (cursor >= 0) show(cursor)
  }, [cursor, show])
  const move = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -count,
      End: count,
    }
    const step = onCursor && steps[event.key]
    if (step !== undefined && !event.ctrlKey) {
      onCursor?.(Math.max(0, Math.min(count - 1, cursor + step)))
    } else if (!props.onKey?.(event)) return
    event.preventDefault()
  }
  return (
    <section ref={box} className="lines" aria-label={label} tabIndex={0} onKeyDown={move}>
      {props.head}
      <div className="track" style={{ height: trackPx }}>
        <div style={{ transform: `translateY(${topPx}px)` }}>
          {Array.from({ length: Math.max(0, end - first) }, (_, at) => lineAt(first + at))}
        </div>
      </div>
    </section>
  )
}
