import { type ContentEncoding, encodingName, isContentEncoding } from '../http/content-encoding.ts'
import { RequestError } from './errors.ts'

/** The encoding in a Content-Encoding header; '' for none. Throws RequestError. */
export function encodingOf(header = ''): ContentEncoding | '' {
  const names = header.split(',').map(encodingName)
  const [encoding = '', ...others] = names.filter((name) => name !== '' && name !== 'identity')
  if (encoding === '') return ''
  if (others.length === 0 && isContentEncoding(encoding)) return encoding
  throw new RequestError(
    { status: 415, type: 'unsupported-content-encoding' },
    `Content-Encoding "${header}" is not supported.`,
  )
}
