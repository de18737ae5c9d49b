/**
 * The text that a signed link to all of a store signs, in Apify's scheme: `0.EXPIRY.STORE_ID`. Such
 * a link carries the same text with the signature in place of the store's id. DO NOT CHANGE:
 * existing links must keep working.
 */
const form = /^0\.(\d{1,17}(?:\.\d+)?)\.([0-9a-zA-Z]+)$/

export interface ContentLink {
  /** Milliseconds since 1970, as the client spelled them; 0: the link does not expire. */
  readonly expiresAt: string
  /** The signature, or the store's id. */
  readonly end: string
}

/** Undefined if the text is not of that form. */
export function parseContentLink(text: string): ContentLink | undefined {
  const [, expiresAt, end] = form.exec(text) ?? []
  return expiresAt === undefined || end === undefined ? undefined : { expiresAt, end }
}

/** The text to sign. */
export function contentLinkText(end: string, expiresAt: string): string {
  return `0.${expiresAt}.${end}`
}

/**
 * Whether the key is also a text that a link to the whole store signs. The scheme signs the key of
 * a record as it is, so the signature of this record would open the whole store.
 */
export function isContentLinkText(key: string, storeId: string): boolean {
  return key.endsWith(storeId) && parseContentLink(key)?.end === storeId
}
