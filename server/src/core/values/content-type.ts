import { isTypeValid, parse } from 'content-type'

// The parameters after a media type (RFC 9110, 8.3.1). The library reads parameters, but ignores
// malformed ones.
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const quoted = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"'
const parameter = `[ \\t]*;(?:[ \\t]*${token}=(?:${token}|${quoted}))?`
const parameters = new RegExp(`^(?:${parameter})*[ \\t]*$`)

/**
 * Whether the text is a media type with parameters that a header can carry. Above all, it has no
 * line break.
 */
export function isContentType(text: string): boolean {
  const { length } = mediaTypeOf(text)
  return isTypeValid(text, 0, length) && parameters.test(text.slice(length))
}

/**
 * The media type of a content type: `text/html` for `Text/HTML; charset=utf-8`. For a text that is
 * not a content type: the part before the first semicolon, in lower case.
 */
export function mediaTypeOf(contentType: string): string {
  return parse(contentType, { parameters: false }).type
}

/** The charset in a content type, in lower case; undefined: it has none. */
export function charsetOf(contentType: string): string | undefined {
  return parse(contentType).parameters.charset?.toLowerCase()
}

/** Whether the type is JSON, or a format that is based on JSON (RFC 6839, 3.1). */
export function isJsonType(contentType: string): boolean {
  const mediaType = mediaTypeOf(contentType)
  return mediaType === 'application/json' || mediaType.endsWith('+json')
}

/** Whether the format is compressed by itself. A few exceptions are missing; they don't matter. */
export function isCompressedType(contentType: string): boolean {
  const type = mediaTypeOf(contentType)
  if (type === 'image/svg+xml' || type === 'image/bmp' || type === 'audio/wav') return false
  return /^(image|audio|video|font)\/|^application\/(zip|gzip|x-7z|x-bzip|pdf|vnd\.rar)/.test(type)
}
