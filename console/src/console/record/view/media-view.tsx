import { type ReactNode, useEffect, useState } from 'react'
import { sizeText } from '../../format/format.ts'
import { State } from '../../parts/state.tsx'
import { sentenceOf } from '../../server/ask.ts'
import { ticketFor } from '../../server/download.ts'
import { mediaOf } from '../data/kind-of.ts'
import { recordPath } from '../data/record-actions.ts'
import type { RecordAt } from '../data/record-row.ts'
import type { RecordValue } from '../data/record-value.ts'

export type MediaKind = 'image' | 'pdf' | 'audio' | 'video'

export interface MediaViewProps {
  readonly at: RecordAt
  readonly kind: MediaKind
  readonly value: RecordValue
}

/** An image, a document, a sound or a film. The browser is told its type, and guesses none. */
export function MediaView({ at, kind, value }: MediaViewProps): ReactNode {
  const { url, error } = useMediaUrl(at, value, kind)
  const [isBroken, setBroken] = useState(false)
  const name = at.key === '' ? 'The value' : at.key
  if (error !== undefined) return <State kind="error" text={sentenceOf(error)} />
  if (url === undefined) {
    const size = value.size === undefined ? '' : ` (${sizeText(value.size)})`
    return kind === 'pdf' && !value.isWhole ? (
      <p className="soft nothing">This document is too long to be shown{size}. Download it.</p>
    ) : null
  }
  if (isBroken) {
    return (
      <p className="soft nothing">
        Your browser can't show this as {mediaOf(value.contentType)}. Raw shows its bytes.
      </p>
    )
  }
  const onError = (): void => setBroken(true)
  return (
    <section className={`media ${kind}`} aria-label={`Value as ${words[kind]}`}>
      {kind === 'image' && <img src={url} alt={name} onError={onError} />}
      {kind === 'pdf' && <iframe src={url} title={name} />}
      {kind === 'audio' && (
        // biome-ignore lint/a11y/useMediaCaption: a record has no captions.
        <audio src={url} controls aria-label={name} onError={onError} />
      )}
      {kind === 'video' && (
        // biome-ignore lint/a11y/useMediaCaption: a record has no captions.
        <video src={url} controls aria-label={name} onError={onError} />
      )}
    </section>
  )
}

const words = { image: 'image', pdf: 'document', audio: 'sound', video: 'film' } as const

interface MediaUrl {
  readonly url?: string
  readonly error?: unknown
}

/** A URL of the bytes that were read; of a longer value, one that the server gives. */
function useMediaUrl(at: RecordAt, value: RecordValue, kind: MediaKind): MediaUrl {
  const { storeId, key } = at
  const [media, setMedia] = useState<MediaUrl>({})
  useEffect(() => {
    if (value.isWhole) {
      const blob = new Blob([value.bytes], { type: mediaOf(value.contentType) })
      const url = URL.createObjectURL(blob)
      setMedia({ url })
      return () => URL.revokeObjectURL(url)
    }
    // The page may show only documents that it has itself.
    if (kind === 'pdf') return undefined
    let isOver = false
    ticketFor(recordPath({ storeId, key })).then(
      (url) => isOver || setMedia({ url }),
      (error: unknown) => isOver || setMedia({ error }),
    )
    return () => {
      isOver = true
    }
  }, [storeId, key, value, kind])
  return media
}
