import type { Revision } from '../../core/engine/engine.ts'

/** A tag as a header spells it. */
export interface EntityTag {
  /** With its quotes, without the `W/` of a weak one. */
  readonly text: string
  readonly isWeak: boolean
}

/** The tags of a condition; `*` stands for any. */
export type EntityTags = '*' | readonly EntityTag[]

// RFC 9110, 8.8.3: obs-text is allowed, blanks and quotes inside are not.
const tag = '(?<weak>W/)?(?<text>"[\\x21\\x23-\\x7e\\x80-\\xff]*")'
const plainTag = tag.replaceAll(/\?<\w+>/g, '?:')
const oneTag = new RegExp(`^${tag}$`)
const everyTag = new RegExp(tag, 'g')
// A list may have empty elements (RFC 9110, 5.6.1.2).
const element = `[ \\t]*(?:${plainTag}[ \\t]*)?`
const list = new RegExp(`^${element}(?:,${element})*$`)

/**
 * The tag of a record's bytes, as they are stored or as they are decoded for a client. These are
 * two representations with different bytes, so they have different tags.
 */
export function entityTagOf(revision: Revision, { isDecoded }: { isDecoded: boolean }): string {
  return isDecoded ? `"${revision}-d"` : `"${revision}"`
}

/**
 * The revision in a tag of `entityTagOf`, of both representations, also as a proxy spells it that
 * compresses replies; undefined for other tags.
 */
export function revisionOf({ text }: EntityTag): Revision | undefined {
  const digits = /^"(\d+)(?:-d)?"$/.exec(unproxied(text))?.[1] ?? ''
  const revision = Number(digits)
  // Tags are compared as texts: "07" is not the tag of revision 7.
  return Number.isSafeInteger(revision) && String(revision) === digits ? revision : undefined
}

/**
 * The text of a tag without what a proxy added to it when it compressed the reply: Apache and Caddy
 * make `"7-gzip"` of `"7"`, Jetty `"7--gzip"`. No tag of this server ends like that.
 */
export function unproxied(text: string): string {
  return text.replace(/--?(?:gzip|br|zstd|deflate)"$/, '"')
}

/** A list of tags, or `*`; undefined if the text is neither. */
export function parseEntityTags(text: string): EntityTags | undefined {
  if (text === '*') return '*'
  if (!list.test(text)) return undefined
  const tags = Array.from(text.matchAll(everyTag), entityTag)
  return tags.length > 0 ? tags : undefined
}

/** One tag; undefined if the text is not exactly one tag. */
export function parseEntityTag(text: string): EntityTag | undefined {
  const match = oneTag.exec(text)
  return match ? entityTag(match) : undefined
}

function entityTag({ groups }: RegExpExecArray): EntityTag {
  return { text: groups?.text ?? '', isWeak: groups?.weak !== undefined }
}
