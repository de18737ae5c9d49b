import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useAddress } from '../address/use-address.ts'
import { countText } from '../format/format.ts'
import { listStores } from './data/store-rows.ts'

/** The tabs of Storage, with how many there are of each. */
export function StorageTabs(): ReactNode {
  const { path } = useAddress()
  const part = path[1] ?? 'key-value-stores'
  return (
    <nav className="tabs" aria-label="Storage">
      <Tab name="Key-value stores" part="key-value-stores" current={part} />
    </nav>
  )
}

interface TabProps {
  readonly name: string
  readonly part: string
  readonly kind?: 'project' | 'session'
  readonly current: string
}

function Tab({ name, part, kind, current }: TabProps): ReactNode {
  const { data } = useQuery({
    queryKey: ['stores', 'count', kind],
    queryFn: () =>
      listStores({
        q: '',
        unnamed: true,
        sort: 'modified',
        isDescending: true,
        limit: 1,
        ...(kind && { kind }),
      }),
    staleTime: 10_000,
  })
  return (
    <a href={`#/storage/${part}`} {...(part === current && { 'aria-current': 'page' })}>
      {name}
      {data && <span className="count">{countText(data.total)}</span>}
    </a>
  )
}
