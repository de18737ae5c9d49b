import type { ReactNode } from 'react'
import type { IconName } from './icon-names.ts'

/** An icon beside words, or in a control that has a label: it says nothing to screen readers. */
export function Icon({ name }: { readonly name: IconName }): ReactNode {
  return (
    <svg className="icon" aria-hidden="true">
      <use href={`#icon-${name}`} />
    </svg>
  )
}
