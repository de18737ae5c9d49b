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
 * Creates a token: a prefix that secret scanners know, a secret, and a checksum that reveals typos.
 */
export function createToken(environment: Pick<Environment, 'randomBytes'>): string {
  const text = tokenPrefix + randomAlphanumerics(environment, secretLength)
  return text + checksumOf(text)
}

/** Whether the token has the form of one that Coatcheck made. Such a token can't be guessed. */
export function isWellMadeToken(token: string): boolean {
  if (!form.test(token)) return false
  const text = token.slice(0, -checksumLength)
  return checksumOf(text) === token.slice(-checksumLength)
}

/** The SHA-256 of a token: only this is stored. */
export function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

function checksumOf(text: string): string {
  return crc32(text).toString(36).padStart(checksumLength, '0')
}
