import { type ReactNode, useEffect, useState } from 'react'
import { sizeText } from '../../format/format.ts'
import { mediaOf } from '../data/kind-of.ts'
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
  const url = useMediaUrl(value)
  const [isBroken, setBroken] = useState(false)
  const name = at.key === '' ? 'The value' : at.key
  if (url === undefined) {
    const size = value.size === undefined ? '' : ` (${sizeText(value.size)})`
    return !value.isWhole ? (
      <p className="soft nothing">
        This {words[kind]} is too long to be shown{size}. Download it.
      </p>
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
      {kind === 'audio' && <audio src={url} controls aria-label={name} onError={onError} />}
      {kind === 'video' && <video src={url} controls aria-label={name} onError={onError} />}
    </section>
  )
}

const words = { image: 'image', pdf: 'document', audio: 'sound', video: 'film' } as const

/** A URL of the bytes that were read, if that is all of them. */
function useMediaUrl(value: RecordValue): string | undefined {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    if (!value.isWhole) return undefined
    const made = URL.createObjectURL(new Blob([value.bytes], { type: mediaOf(value.contentType) }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [value])
  return url
}
