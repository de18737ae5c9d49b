import { hash, timingSafeEqual } from 'node:crypto'
import { contentLinkText, parseContentLink } from '../../../core/identity/content-link.ts'

/**
 * The signatures in Apify's public links. Apify's clients compute them by themselves from a store's
 * `urlSigningSecretKey`. DO NOT CHANGE: existing links must keep working.
 */

const base62 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
/** All pairs of base-62 digits, in numeric order. */
const pairs = Array.from(base62, (high) => Array.from(base62, (low) => high + low)).flat()
const pairCount = pairs.length
const hmacHexDigits = 30
/** The block size of SHA-256. */
const blockBytes = 64
const hashBytes = 32
/** The longest text for the shared buffer. Longer texts get a buffer of their own. */
const messageBytesMax = 512

/** The first 120 bits of the HMAC-SHA256, as a base-62 number. */
export function hmac62(secret: string, text: string): string {
  return hmac62With(secret)(text)
}

/**
 * `hmac62` for many texts with one secret. It computes the HMAC by its definition (RFC 2104), with
 * two one-shot hashes. That takes half the time of Node's own `Hmac` object.
 */
function hmac62With(secret: string): (text: string) => string {
  const bytes = Buffer.from(secret)
  const block = Buffer.alloc(blockBytes)
  block.set(bytes.length > blockBytes ? hash('sha256', bytes, 'buffer') : bytes)
  const inner = block.map((byte) => byte ^ 0x36)
  const outer = Buffer.concat([block.map((byte) => byte ^ 0x5c), Buffer.alloc(hashBytes)])
  const message = Buffer.alloc(blockBytes + messageBytesMax)
  message.set(inner)
  return (text) => {
    const end = blockBytes + Buffer.byteLength(text)
    const fits = end <= message.length
    if (fits) message.write(text, blockBytes)
    const whole = fits ? message.subarray(0, end) : Buffer.concat([inner, Buffer.from(text)])
    const digest = hash('sha256', whole, 'latin1')
    outer.write(digest, blockBytes, 'latin1')
    return spellBase62(hash('sha256', outer, 'hex').slice(0, hmacHexDigits))
  }
}

/**
 * The signature of a link to one record. It is valid until the secret changes. `key` is spelled as
 * in the link.
 */
export function signRecord(secret: string, key: string): string {
  return hmac62(secret, key)
}

/** `signRecord` for many records. */
export function recordSigner(secret: string): (key: string) => string {
  return hmac62With(secret)
}

export function isRecordSignature(
  signature: string,
  { secret, key }: { secret: string; key: string },
): boolean {
  return isSame(signature, signRecord(secret, key))
}

/**
 * The signature of a link to the keys and the content of a store. It is valid until `expiresAt`, in
 * milliseconds since 1970; 0 means until the secret changes.
 */
export function signContent(
  secret: string,
  { storeId, expiresAt }: { storeId: string; expiresAt: number },
): string {
  const text = String(expiresAt)
  const hmac = contentHmac(secret, { storeId, expiresAt: text })
  return Buffer.from(contentLinkText(hmac, text)).toString('base64url')
}

export function isContentSignature(
  signature: string,
  { secret, storeId, now }: { secret: string; storeId: string; now: number },
): boolean {
  const link = parseContentLink(decodeBase64Url(signature))
  if (!link) return false
  const { expiresAt, end: hmac } = link
  if (!isSame(hmac, contentHmac(secret, { storeId, expiresAt }))) return false
  return Number(expiresAt) === 0 || now < Number(expiresAt)
}

/** `expiresAt` is the signature's own text, because a client may have given it a fraction. */
function contentHmac(
  secret: string,
  { storeId, expiresAt }: { storeId: string; expiresAt: string },
): string {
  return hmac62(secret, contentLinkText(storeId, expiresAt))
}

/**
 * Decodes the one canonical spelling of a text, with or without padding (Python's client pads). Any
 * other spelling gives ''.
 */
function decodeBase64Url(padded: string): string {
  const spelling = padded.replace(/={1,2}$/, '')
  const bytes = Buffer.from(spelling, 'base64url')
  return bytes.toString('base64url') === spelling ? bytes.toString('latin1') : ''
}

/** Four digits at a time and without big integers: a page of keys needs a thousand signatures. */
function spellBase62(hex: string): string {
  const limbs = [limb(hex, 0), limb(hex, 6), limb(hex, 12), limb(hex, 18), limb(hex, 24)]
  let text = ''
  for (let first = 0; first < limbs.length; ) {
    const digits = divide(limbs, first)
    while (limbs[first] === 0) first += 1
    const high = Math.floor(digits / pairCount)
    text = `${pairs[high]}${pairs[digits - high * pairCount]}${text}`
  }
  return text.startsWith('0') ? text.replace(/^0+(?=.)/, '') : text
}

/** A limb has 24 bits. */
function limb(hex: string, start: number): number {
  return Number.parseInt(hex.slice(start, start + 6), 16)
}

/** Divides the number in place by 62^4, from its limb `first` on. Returns the remainder. */
function divide(limbs: number[], first: number): number {
  let rest = 0
  for (let index = first; index < limbs.length; index += 1) {
    const part = rest * 16_777_216 + (limbs[index] ?? 0)
    const quotient = Math.floor(part / 14_776_336)
    limbs[index] = quotient
    rest = part - quotient * 14_776_336
  }
  return rest
}

/** Compares in constant time. Digests are compared, because both sides need the same length. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'))
}
