import type { ReactNode } from 'react'
import { Icon } from '../parts/icon.tsx'

interface SortHeadProps {
  readonly name: string
  readonly className?: string
  /** Undefined: the list is in another order. */
  readonly direction: 'ascending' | 'descending' | undefined
  readonly onSort: () => void
}

/** The head of a column; a click puts the list into its order. */
export function SortHead({ name, className = '', direction, onSort }: SortHeadProps): ReactNode {
  return (
    <span
      className={className}
      role="columnheader"
      tabIndex={-1}
      {...(direction && { 'aria-sort': direction })}
    >
      <button type="button" className={direction ? 'sort by' : 'sort'} onClick={onSort}>
        {name}
        {direction && <Icon name={direction === 'descending' ? 'arrow-down' : 'arrow-up'} />}
      </button>
    </span>
  )
}
