import { type ContentEncoding, isContentEncoding } from '../http/content-encoding.ts'
import { RequestError } from './errors.ts'

/** The encoding in a Content-Encoding header; '' for none. Throws RequestError. */
export function encodingOf(header = ''): ContentEncoding | '' {
  const encoding = header.trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return ''
  if (isContentEncoding(encoding)) return encoding
  throw new RequestError(
    { status: 415, type: 'unsupported-content-encoding' },
    `Content-Encoding "${header}" is not supported.`,
  )
}
