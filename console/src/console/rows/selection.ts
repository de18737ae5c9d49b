import { useCallback, useMemo, useState } from 'react'

/** Rows that the user has chosen, by their ids, which stay chosen while the list changes. */
export interface Selection {
  readonly ids: ReadonlySet<string>
  has(id: string): boolean
  toggle(index: number, how: { readonly isRange: boolean }): void
  set(ids: Iterable<string>): void
  clear(): void
}

/** `idAt`: the id of a row; undefined if it is not loaded. */
export function useSelection(idAt: (index: number) => string | undefined): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set())
  const [last, setLast] = useState(0)
  const toggle = useCallback(
    (index: number, { isRange }: { readonly isRange: boolean }) => {
      setLast(index)
      setIds((before) =>
        isRange ? withRange(before, last, index, idAt) : toggled(before, idAt(index)),
      )
    },
    [idAt, last],
  )
  return useMemo(
    () => ({
      ids,
      has: (id: string) => ids.has(id),
      toggle,
      set: (wanted: Iterable<string>) => setIds(new Set(wanted)),
      clear: () => setIds(new Set()),
    }),
    [ids, toggle],
  )
}

function toggled(ids: ReadonlySet<string>, id: string | undefined): ReadonlySet<string> {
  const next = new Set(ids)
  if (id === undefined) return next
  if (!next.delete(id)) next.add(id)
  return next
}

function withRange(
  ids: ReadonlySet<string>,
  one: number,
  other: number,
  idAt: (index: number) => string | undefined,
): ReadonlySet<string> {
  const next = new Set(ids)
  for (let index = Math.min(one, other); index <= Math.max(one, other); index += 1) {
    const id = idAt(index)
    if (id !== undefined) next.add(id)
  }
  return next
}
