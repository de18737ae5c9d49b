import { lazy, type ReactNode, Suspense, useMemo } from 'react'
import { sizeText } from '../../format/format.ts'
import { State } from '../../parts/state.tsx'
import { kindOf } from '../data/kind-of.ts'
import type { RecordAt } from '../data/record-row.ts'
import { type RecordValue, textIn } from '../data/record-value.ts'
import { type JsonOutline, NotJson, outlineOf } from '../json/json-lines.ts'
import { HexView } from './hex-view.tsx'
import { JsonView } from './json-view.tsx'
import { MediaView } from './media-view.tsx'
import { TextView } from './text-view.tsx'

const CsvView = lazy(async () => ({
  default: (await import('./csv-view.tsx')).CsvView,
}))
const MarkdownView = lazy(async () => ({
  default: (await import('./markdown-view.tsx')).MarkdownView,
}))

export interface ValueViewProps {
  readonly at: RecordAt
  readonly value: RecordValue
  readonly tools: HTMLElement | null
}

/** A value as its type says. What says nothing is shown by its bytes. */
export function ValueView({ at, value, tools }: ValueViewProps): ReactNode {
  const text = useMemo(() => textIn(value), [value])
  return (
    <>
      {!value.isWhole && <Beginning value={value} />}
      <Suspense fallback={<State kind="loading" />}>
        <Shown at={at} value={value} text={text} tools={tools} />
      </Suspense>
    </>
  )
}

function Beginning({ value: { bytes, size } }: Pick<ValueViewProps, 'value'>): ReactNode {
  const whole = size === undefined ? '' : ` of ${sizeText(size)}`
  return (
    <p className="value-note">
      You see the first {sizeText(bytes.length)}
      {whole}. Download the record to have it all.
    </p>
  )
}

function Shown({
  at,
  value,
  text,
  tools,
}: ValueViewProps & { readonly text: string | undefined }): ReactNode {
  const kind = kindOf(value.contentType)
  if (kind === 'image' || kind === 'pdf' || kind === 'audio' || kind === 'video') {
    return <MediaView at={at} kind={kind} value={value} />
  }
  if (text === undefined || kind === 'hex') return <HexView bytes={value.bytes} />
  if (kind === 'json' && value.isWhole) return <JsonOrText text={text} tools={tools} />
  if (kind === 'csv') return <CsvView text={text} />
  if (kind === 'markdown') return <MarkdownView text={text} />
  return <TextView text={text} />
}

function JsonOrText({
  text,
  tools,
}: {
  readonly text: string
  readonly tools: HTMLElement | null
}): ReactNode {
  const read = useMemo(() => readJson(text), [text])
  if (!(read instanceof NotJson)) return <JsonView outline={read} tools={tools} />
  const { line, message } = read.mistake
  return (
    <>
      <p className="value-note">
        This is not JSON. Line {line}: {message}
      </p>
      <TextView text={text} />
    </>
  )
}

function readJson(text: string): JsonOutline | NotJson {
  try {
    return outlineOf(text)
  } catch (error) {
    if (error instanceof NotJson) return error
    throw error
  }
}
