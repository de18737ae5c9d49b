import { type ReactNode, useMemo } from 'react'
import { State } from '../../parts/state.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { kindOf } from '../data/kind-of.ts'
import type { RecordAt } from '../data/record-row.ts'
import { type RecordValue, textIn } from '../data/record-value.ts'
import { useValue } from '../data/use-value.ts'
import { HexView } from '../view/hex-view.tsx'
import { TextView } from '../view/text-view.tsx'

/** The stored bytes, and the headers with which the server sends them. */
export function RawTab({ at }: { readonly at: RecordAt }): ReactNode {
  const { value, error, isLoading, again } = useValue(at, 'stored')
  if (error !== undefined) return <State kind="error" text={sentenceOf(error)} onAgain={again} />
  if (isLoading) return <State kind="loading" />
  return value ? <Raw value={value} /> : null
}

function Raw({ value }: { readonly value: RecordValue }): ReactNode {
  const text = useMemo(() => textOf(value), [value])
  return (
    <>
      <dl className="raw-headers">
        {value.headers.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {!value.isWhole && <p className="value-note">You see the first bytes of the value.</p>}
      {text === undefined ? <HexView bytes={value.bytes} /> : <TextView text={text} />}
    </>
  )
}

function textOf(value: RecordValue): string | undefined {
  const kind = kindOf(value.contentType)
  const isText = kind === 'json' || kind === 'text' || kind === 'csv' || kind === 'markdown'
  return isText ? textIn(value) : undefined
}
