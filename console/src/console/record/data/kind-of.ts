/** How a value is shown. */
export type Kind =
  | 'json'
  | 'markdown'
  | 'csv'
  | 'text'
  | 'image'
  | 'pdf'
  | 'audio'
  | 'video'
  | 'hex'

/** Browsers draw these, and none of them can hold a script. */
const images = new Set(['png', 'jpeg', 'jpg', 'gif', 'webp', 'avif', 'bmp', 'x-icon', 'apng'])

/** The kind of a content type. What could run a script, such as SVG, counts as text. */
export function kindOf(contentType: string): Kind {
  const media = mediaOf(contentType)
  const [family, form = ''] = media.split('/')
  if (form === 'json' || form.endsWith('+json')) return 'json'
  if (form === 'markdown' || form === 'x-markdown') return 'markdown'
  if (form === 'csv' || form === 'tab-separated-values') return 'csv'
  if (family === 'image' && images.has(form)) return 'image'
  if (media === 'application/pdf') return 'pdf'
  if (family === 'audio' || family === 'video') return family
  const isText = family === 'text' || /(^|\+)xml$/.test(form) || textForms.has(form)
  return isText ? 'text' : 'hex'
}

const textForms = new Set(['javascript', 'x-ndjson', 'ndjson', 'yaml', 'x-yaml', 'toml', 'sql'])

/** `text/html` of `text/html; charset=utf-8`. */
export function mediaOf(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase()
}
