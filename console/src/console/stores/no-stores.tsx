import type { ReactNode } from 'react'
import { replaceQuery } from '../address/use-address.ts'
import { countText } from '../format/format.ts'
import { Button } from '../parts/button.tsx'
import { State } from '../parts/state.tsx'
import { serverUrl } from '../server/server-url.ts'
import type { StoreQuery } from './data/store-rows.ts'

interface NoStoresProps {
  readonly query: StoreQuery
  readonly hiddenUnnamed: number
}

/** An empty list says why, and what to do next. */
export function NoStores({ query, hiddenUnnamed }: NoStoresProps): ReactNode {
  if (hiddenUnnamed > 0) {
    return (
      <State kind="empty">
        <p>
          {hiddenUnnamed === 1
            ? '1 unnamed one is hidden.'
            : `${countText(hiddenUnnamed)} unnamed ones are hidden.`}
        </p>
        <Button onPress={() => replaceQuery({ unnamed: '1' })}>
          {hiddenUnnamed === 1 ? 'Show it' : 'Show them'}
        </Button>
      </State>
    )
  }
  if (query.q !== '') {
    return (
      <State kind="empty">
        <p>No store has this name or ID.</p>
        <Button onPress={() => replaceQuery({ q: undefined })}>Show all</Button>
      </State>
    )
  }
  return (
    <State kind="empty">
      <p>No key-value stores yet. This line makes the first one:</p>
      <pre className="mono">{`curl -X POST -H "Authorization: Bearer $TOKEN" \\
  "${serverUrl}/v2/key-value-stores?name=my-first-store"`}</pre>
    </State>
  )
}
