import { createHmac, hash, timingSafeEqual } from 'node:crypto'

/**
 * The signatures in Apify's public links, which its clients compute by themselves from a store's
 * `urlSigningSecretKey`. DO NOT CHANGE: links that are out there must go on working.
 */

const base62 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const hmacHexDigits = 30
const version = 0
/** Version, end and HMAC of a content signature. */
const contentPattern = /^0\.(\d{1,17}(?:\.\d+)?)\.([0-9a-zA-Z]{1,22})$/

/** The first 120 bits of the HMAC-SHA256, as a number in letters and digits. */
export function hmac62(secret: string, text: string): string {
  const hex = createHmac('sha256', secret).update(text).digest('hex').slice(0, hmacHexDigits)
  return spellBase62(BigInt(`0x${hex}`))
}

/** Lets read one record, for as long as the secret lives. `key` is spelled as in the link. */
export function signRecord(secret: string, key: string): string {
  return hmac62(secret, key)
}

export function isRecordSignature(
  signature: string,
  { secret, key }: { secret: string; key: string },
): boolean {
  return isSame(signature, signRecord(secret, key))
}

/**
 * Lets list the keys and read the content of a store until `expiresAt`, milliseconds since 1970;
 * 0: for as long as the secret lives.
 */
export function signContent(
  secret: string,
  { storeId, expiresAt }: { storeId: string; expiresAt: number },
): string {
  const hmac = contentHmac(secret, { storeId, expiresAt: String(expiresAt) })
  return Buffer.from(`${version}.${expiresAt}.${hmac}`).toString('base64url')
}

export function isContentSignature(
  signature: string,
  { secret, storeId, now }: { secret: string; storeId: string; now: number },
): boolean {
  const [, expiresAt = '', hmac = ''] = contentPattern.exec(decodeBase64Url(signature)) ?? []
  if (!isSame(hmac, contentHmac(secret, { storeId, expiresAt }))) return false
  return Number(expiresAt) === 0 || now < Number(expiresAt)
}

/** `expiresAt` as it is written in the signature: a client may have given it a fraction. */
function contentHmac(
  secret: string,
  { storeId, expiresAt }: { storeId: string; expiresAt: string },
): string {
  return hmac62(secret, `${version}.${expiresAt}.${storeId}`)
}

/** The text of what only this very text spells; '' of anything else. Python's client pads. */
function decodeBase64Url(padded: string): string {
  const spelling = padded.replace(/={1,2}$/, '')
  const bytes = Buffer.from(spelling, 'base64url')
  return bytes.toString('base64url') === spelling ? bytes.toString('latin1') : ''
}

function spellBase62(number: bigint): string {
  let rest = number
  let text = ''
  do {
    text = base62.charAt(Number(rest % 62n)) + text
    rest /= 62n
  } while (rest > 0n)
  return text
}

/** How long it takes tells nothing: what is compared are digests, equal in length. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'))
}
