import type { CSSProperties, ReactNode } from 'react'
import { timeText, untilText } from '../format/format.ts'
import { useNow } from '../format/use-now.ts'

const day = 86_400_000

/** How long until a time: a ring and words. Undefined: it is kept. */
export function Until({
  at,
  wholeMs = 7 * day,
}: {
  readonly at: number | undefined
  /** The time that a full ring stands for. */
  readonly wholeMs?: number
}): ReactNode {
  const now = useNow()
  if (at === undefined) return <span className="soft">kept</span>
  const share = Math.max(0, Math.min(1, (at - now) / wholeMs))
  const style = { '--p': Math.round(100 * share), '--c': colourOf(at - now) } as CSSProperties
  return (
    <span className="until" title={timeText(at)}>
      <i className="ring" style={style} aria-hidden="true" />
      {untilText(at, now)}
    </span>
  )
}

function colourOf(leftMs: number): string {
  if (leftMs < day / 8) return 'var(--danger)'
  return leftMs < 2 * day ? 'var(--warn)' : 'var(--accent)'
}
