import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { useKeptScroll } from '../address/kept-scroll.ts'
import { useRowPx } from './row-height.ts'
import { type RowsWindow, useRowsWindow } from './use-window.ts'

/** What a row shows. */
export interface RowParts {
  /** Identifies the row while the list changes. */
  readonly id: string
  /** The name that is read out. */
  readonly name: string
  readonly cells: ReactNode
  /** Shown over the end of the row under the pointer, and of the current row. */
  readonly actions?: ReactNode
  readonly isSelected?: boolean
  /** It has just changed, and glows. */
  readonly isChanged?: boolean
  /** For a tree: 1 is the top. */
  readonly level?: number
  readonly isExpanded?: boolean | undefined
}

export interface RowsProps {
  readonly label: string
  /** The CSS class that lays out the columns. */
  readonly layout: string
  readonly head: ReactNode
  readonly count: number
  readonly isTree?: boolean
  /** Undefined: the row is not loaded yet. */
  readonly rowAt: (index: number) => RowParts | undefined
  /** The current row; -1: none. */
  readonly cursor: number
  readonly onCursor: (index: number) => void
  readonly onOpen: (index: number) => void
  /** The user selects a row; with `isRange` all rows from the last selected one. */
  readonly onSelect?: (index: number, how: { readonly isRange: boolean }) => void
  /** Any other key on the current row. Returns whether it did something. */
  readonly onKey?: (event: KeyboardEvent, index: number) => boolean
  /** These rows are drawn: load them. */
  readonly onDrawn?: (first: number, end: number) => void
  /** In place of the rows while there are none. */
  readonly children?: ReactNode
}

/** A list of any length: only what is seen is drawn. It takes the keys of a grid. */
export function Rows(props: RowsProps): ReactNode {
  const { label, layout, head, count, isTree = false, cursor, onDrawn, children } = props
  const box = useRef<HTMLDivElement>(null)
  const id = useId()
  const rowPx = useRowPx()
  const shown = useRowsWindow(box, count, rowPx)
  const { first, end } = shown
  useKeptScroll(box, count > 0)
  useEffect(() => onDrawn?.(first, end), [onDrawn, first, end])
  const [hovered, setHovered] = useState(-1)
  const isCursorDrawn = cursor >= first && cursor < end
  return (
    <div
      ref={box}
      className="table"
      role={isTree ? 'treegrid' : 'grid'}
      aria-label={label}
      aria-rowcount={count + 1}
      aria-multiselectable={props.onSelect !== undefined}
      tabIndex={0}
      {...(isCursorDrawn && { 'aria-activedescendant': `${id}-${cursor}` })}
      onKeyDown={(event) => onKeyDown(event, props, shown)}
      onPointerLeave={() => setHovered(-1)}
    >
      <div className={`tr head ${layout}`} role="row" aria-rowindex={1} tabIndex={-1}>
        {head}
      </div>
      {count === 0 ? (
        children
      ) : (
        <div className="track" role="presentation" style={{ height: shown.trackPx }}>
          <div role="presentation" style={{ transform: `translateY(${shown.topPx}px)` }}>
            {indexes(first, end).map((index) => (
              <Row
                key={props.rowAt(index)?.id ?? index}
                id={`${id}-${index}`}
                index={index}
                rows={props}
                isHovered={index === hovered}
                onHover={setHovered}
              />
            ))}
          </div>
        </div>
      )}
    </div>
  )
}

interface RowProps {
  readonly id: string
  readonly index: number
  readonly rows: RowsProps
  readonly isHovered: boolean
  readonly onHover: (index: number) => void
}

function Row({ id, index, rows, isHovered, onHover }: RowProps): ReactNode {
  const { layout, rowAt, cursor, onCursor, onOpen } = rows
  const row = rowAt(index)
  const common = { id, role: 'row', 'aria-rowindex': index + 2, tabIndex: -1 }
  if (!row) {
    return (
      <div className={`tr ${layout} waiting`} {...common} aria-busy="true">
        <span className="bone" role="gridcell" />
      </div>
    )
  }
  const isCursor = index === cursor
  const classes = ['tr', layout]
  if (row.isSelected) classes.push('on')
  if (isCursor) classes.push('at')
  if (row.isChanged) classes.push('changed')
  return (
    <div
      className={classes.join(' ')}
      {...common}
      aria-label={row.name}
      aria-selected={row.isSelected ?? false}
      {...(row.level !== undefined && { 'aria-level': row.level })}
      {...(row.isExpanded !== undefined && { 'aria-expanded': row.isExpanded })}
      onPointerEnter={() => onHover(index)}
      onClick={(event) => {
        if (isControl(event.target)) return
        onCursor(index)
        if (event.shiftKey && rows.onSelect) rows.onSelect(index, { isRange: true })
        else if (isTouch(event.nativeEvent)) onOpen(index)
      }}
      onDoubleClick={(event) => {
        if (!isControl(event.target)) onOpen(index)
      }}
    >
      {row.cells}
      {row.actions !== undefined && (isHovered || isCursor) && (
        <span className="row-acts over" role="gridcell" tabIndex={-1}>
          {row.actions}
        </span>
      )}
    </div>
  )
}

function onKeyDown(event: KeyboardEvent, rows: RowsProps, shown: RowsWindow): void {
  const { count, cursor, onCursor, onOpen, onSelect, onKey } = rows
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const isOwn = event.target === event.currentTarget
  if (!isOwn && isControl(event.target)) return
  const to = targetOf(event.key, cursor, { count, page: shown.page })
  if (to !== undefined) {
    onCursor(to)
    shown.show(to)
    if (event.shiftKey) onSelect?.(to, { isRange: true })
  } else if (event.key === 'Enter' && cursor >= 0) onOpen(cursor)
  else if ((event.key === 'x' || event.key === ' ') && cursor >= 0 && onSelect) {
    onSelect(cursor, { isRange: event.shiftKey })
  } else if (cursor < 0 || !onKey?.(event, cursor)) return
  event.preventDefault()
}

/** The row that a key leads to. */
function targetOf(
  key: string,
  cursor: number,
  { count, page }: { readonly count: number; readonly page: number },
): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    j: 1,
    ArrowUp: -1,
    k: -1,
    PageDown: page,
    PageUp: -page,
    Home: -count,
    End: count,
  }
  const step = steps[key]
  if (step === undefined || count === 0) return undefined
  return Math.max(0, Math.min(count - 1, cursor + step))
}

function isControl(target: EventTarget): boolean {
  return target instanceof Element && target.closest('button, a, input, label, select') !== null
}

function isTouch(event: Event): boolean {
  return event instanceof PointerEvent && event.pointerType === 'touch'
}

function indexes(first: number, end: number): readonly number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, offset) => first + offset)
}
