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
 * The tag of a record's bytes as they are stored, or as they are decoded for a client: two
 * representations that differ to the byte.
 */
export function entityTagOf(revision: Revision, { isDecoded }: { isDecoded: boolean }): string {
  return isDecoded ? `"${revision}-d"` : `"${revision}"`
}

/** The revision behind a tag of ours, whichever representation it is of. */
export function revisionOf({ text }: EntityTag): Revision | undefined {
  const digits = /^"(\d+)(?:-d)?"$/.exec(text)?.[1] ?? ''
  const revision = Number(digits)
  // Tags are compared by what they spell: "07" is not the tag of 7.
  return Number.isSafeInteger(revision) && String(revision) === digits ? revision : undefined
}

/** A list of tags, or `*`; undefined where the text spells neither. */
export function parseEntityTags(text: string): EntityTags | undefined {
  if (text === '*') return '*'
  if (!list.test(text)) return undefined
  const tags = Array.from(text.matchAll(everyTag), entityTag)
  return tags.length > 0 ? tags : undefined
}

/** One tag; undefined where the text spells none. */
export function parseEntityTag(text: string): EntityTag | undefined {
  const match = oneTag.exec(text)
  return match ? entityTag(match) : undefined
}

function entityTag({ groups }: RegExpExecArray): EntityTag {
  return { text: groups?.text ?? '', isWeak: groups?.weak !== undefined }
}
