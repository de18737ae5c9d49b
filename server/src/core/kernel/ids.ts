import type { Environment } from './environment.ts'

const alphanumerics = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const idLength = 17
// The largest multiple of 62 in a byte: bytes from there on would favour the first letters.
const fairBytes = 248

/** 17 random alphanumerics: about 101 bits (Apify's `APIFY_ID_REGEX`). */
export function createId(environment: Pick<Environment, 'randomBytes'>): string {
  return randomAlphanumerics(environment, idLength)
}

/** `length` letters and digits, each as likely as any other. */
export function randomAlphanumerics(
  environment: Pick<Environment, 'randomBytes'>,
  length: number,
): string {
  let text = ''
  while (text.length < length) {
    for (const byte of environment.randomBytes(length * 2)) {
      if (byte < fairBytes && text.length < length) text += alphanumerics[byte % 62]
    }
  }
  return text
}

export function isId(text: string): boolean {
  return /^[a-zA-Z0-9]{17}$/.test(text)
}
