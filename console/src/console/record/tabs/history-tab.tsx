import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { agoText, timeText } from '../../format/format.ts'
import { useNow } from '../../format/use-now.ts'
import { Button } from '../../parts/button.tsx'
import { State } from '../../parts/state.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { doorOf, type RecordEvent, readHistory, whatOf, whoOf } from '../data/history.ts'
import type { RecordAt } from '../data/record-row.ts'

export interface HistoryTabProps {
  readonly at: RecordAt
  /** The newest revision: with a new one, the history is read again. */
  readonly revision: number
}

/** Who has changed the record, when, and by which door. */
export function HistoryTab({ at, revision }: HistoryTabProps): ReactNode {
  const now = useNow()
  const { data, error, isPending, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ['record-history', at.storeId, at.key, revision],
    queryFn: ({ pageParam }) => readHistory(at, { before: pageParam }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ nextBefore }) => nextBefore ?? undefined,
    placeholderData: (before) => before,
  })
  const events = data?.pages.flatMap(({ items }) => items) ?? []
  if (isPending) return <State kind="loading" />
  return (
    <section className="lines" tabIndex={0} aria-label="History of the record">
      {error && <State kind="error" text={sentenceOf(error)} onAgain={() => void refetch()} />}
      {events.length === 0 && !error && (
        <p className="soft nothing">
          Nothing is known. The history goes back 7 days and 100,000 changes of the store.
        </p>
      )}
      {events.length > 0 && (
        <table className="history">
          <thead>
            <tr>
              <th>Revision</th>
              <th>When</th>
              <th>Who</th>
              <th>Door</th>
              <th>What</th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <Event key={`${event.revision} ${event.action}`} event={event} now={now} />
            ))}
          </tbody>
        </table>
      )}
      {hasNextPage && <Button onPress={() => void fetchNextPage()}>Show older ones</Button>}
    </section>
  )
}

function Event({ event, now }: { readonly event: RecordEvent; readonly now: number }): ReactNode {
  const at = Date.parse(event.at)
  return (
    <tr>
      <td className="mono">{event.revision}</td>
      <td title={timeText(at)}>{agoText(at, now)}</td>
      <td>{whoOf(event)}</td>
      <td>{doorOf(event.door)}</td>
      <td>{whatOf(event.action)}</td>
    </tr>
  )
}
