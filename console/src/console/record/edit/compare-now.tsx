import { type ReactNode, useEffect } from 'react'
import { State } from '../../parts/state.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { kindOf } from '../data/kind-of.ts'
import type { RecordAt } from '../data/record-row.ts'
import { type RecordValue, textIn } from '../data/record-value.ts'
import { useValue } from '../data/use-value.ts'
import { formatIfJson } from '../json/json-lines.ts'
import { CompareView } from './compare-view.tsx'

export interface CompareNowProps {
  readonly at: RecordAt
  readonly before: RecordValue
  /** The newest revision. */
  readonly revision: number
}

/** What the user sees, beside what is stored now. */
export function CompareNow({ at, before, revision }: CompareNowProps): ReactNode {
  const { value, error, isLoading, again } = useValue(at, 'decoded')
  useEffect(again, [again, revision])
  if (error !== undefined) return <State kind="error" text={sentenceOf(error)} onAgain={again} />
  if (isLoading || !value) return <State kind="loading" />
  const now = textIn(value)
  if (now === undefined) return <State kind="empty">What is stored now is not text.</State>
  const isJson = kindOf(value.contentType) === 'json'
  const laidOut = (text: string): string => (isJson ? formatIfJson(text) : text)
  return (
    <CompareView
      left={laidOut(textIn(before) ?? '')}
      leftName="What you saw"
      right={laidOut(now)}
      rightName="Now"
      isJson={isJson}
    />
  )
}
