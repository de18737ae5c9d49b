import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Environment } from '../kernel/environment.ts'
import { randomAlphanumerics } from '../kernel/ids.ts'

const tokenPrefix = 'coatcheck_'
/** 44 letters and digits are 262 random bits. */
const secretLength = 44
const checksumLength = 7
const form = /^coatcheck_[a-zA-Z0-9]{51}$/

/**
 * A fresh token: a prefix that scanners know, a secret, and a checksum that tells a typo from a
 * token.
 */
export function createToken(environment: Environment): string {
  const text = tokenPrefix + randomAlphanumerics(environment, secretLength)
  return text + checksumOf(text)
}

/** Whether Coatcheck may have made this token: nobody guesses one of these. */
export function isWellMadeToken(token: string): boolean {
  if (!form.test(token)) return false
  const text = token.slice(0, -checksumLength)
  return checksumOf(text) === token.slice(-checksumLength)
}

/** What is kept of a token: SHA-256. */
export function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

function checksumOf(text: string): string {
  return crc32(text).toString(36).padStart(checksumLength, '0')
}
