import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { agoText, sizeText, timeText } from '../../format/format.ts'
import { useNow } from '../../format/use-now.ts'
import { Button } from '../../parts/button.tsx'
import { copyText } from '../../parts/tag.tsx'
import { say } from '../../parts/toasts.tsx'
import type { Action } from '../../server/me.ts'
import { doorOf, whoOf, writerOf } from '../data/history.ts'
import type { RecordAt, RecordRow } from '../data/record-row.ts'

/** The key as a path: its last part stands out. */
export function KeyPath({ text }: { readonly text: string }): ReactNode {
  const end = text.lastIndexOf('/', text.length - 2) + 1
  const copy = async (): Promise<void> => {
    await copyText(text)
    say({ text: 'The key is copied.' })
  }
  return (
    <h2 className="r-key">
      <span className="r-path" title={text}>
        <span>{text.slice(0, end)}</span>
        {text === '' ? <i>empty key</i> : <b>{text.slice(end)}</b>}
      </span>
      <Button icon="copy" label="Copy key" kind="quiet" isSmall onPress={() => void copy()} />
    </h2>
  )
}

export interface RecordMetaProps {
  readonly at: RecordAt
  readonly row: RecordRow
  readonly access: Action
}

/** Type, size, and who wrote it when, which those see who manage the store. */
export function RecordMeta({ at, row, access }: RecordMetaProps): ReactNode {
  const now = useNow()
  const written = Date.parse(row.modifiedAt)
  const { data: writer } = useQuery({
    queryKey: ['record-writer', at.storeId, at.key, row.revision],
    queryFn: async () => (await writerOf(at, row.revision)) ?? null,
    enabled: access === 'manage',
    staleTime: Number.POSITIVE_INFINITY,
  })
  return (
    <div className="r-meta">
      <span className="chip info">{row.contentType}</span>
      {row.contentEncoding !== undefined && <span className="chip">{row.contentEncoding}</span>}
      <span>{sizeText(row.size)}</span>
      <span title={timeText(written)}>
        {agoText(written, now)}
        {writer && (
          <>
            {' by '}
            <b>{whoOf(writer)}</b> ({doorOf(writer.door)})
          </>
        )}
      </span>
      <span className="mono">rev {row.revision}</span>
    </div>
  )
}
