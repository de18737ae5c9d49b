import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  hmac62,
  isContentSignature,
  isRecordSignature,
  recordSigner,
  signContent,
  signRecord,
} from './signatures.ts'

const secret = 'secret-key-for-testing'
const storeId = 'WkzbQMuFYuamGv3YF'
const expiresAt = 1_767_225_600_000
/** Computed with @apify/utilities 2.35.11. */
const neverExpires = 'MC4wLjFtb04xdksxQ3ZwazJnYXhoUFpHVw'
const expires = 'MC4xNzY3MjI1NjAwMDAwLldIMGFtVDNpU3VBZERPcmRsajA3'

describe('what Apify signs', () => {
  it('is the key, in the link to a record', () => {
    expect(hmac62(secret, 'OUTPUT')).toBe('2ypikKx0WIAsy9q6RR3F')
    expect(hmac62('s3cr3tKey', "a!-_.'()")).toBe('Ed9PeYNGdPHw3B4JUlzQ')
    expect(signRecord(secret, 'OUTPUT')).toBe('2ypikKx0WIAsy9q6RR3F')
  })

  it('is the store and the expiry time, in the link to the content', () => {
    expect(signContent(secret, { storeId, expiresAt: 0 })).toBe(neverExpires)
    expect(signContent(secret, { storeId, expiresAt })).toBe(expires)
  })
})

describe('a signature of a record', () => {
  const signature = signRecord(secret, 'OUTPUT')

  it('is valid only for that key and secret', () => {
    expect(isRecordSignature(signature, { secret, key: 'OUTPUT' })).toBe(true)
    expect(isRecordSignature(signature, { secret, key: 'OUTPUT2' })).toBe(false)
    expect(isRecordSignature(signature, { secret: 'another', key: 'OUTPUT' })).toBe(false)
  })

  it.each(['', ' ', '0', 'x'.repeat(10_000), 'ä😀', signature.slice(1), `${signature}=`])(
    'is not %j',
    (wrong) => expect(isRecordSignature(wrong, { secret, key: 'OUTPUT' })).toBe(false),
  )
})

describe('a signature of the content', () => {
  const isValid = (signature: string, now = 0, id = storeId): boolean =>
    isContentSignature(signature, { secret, storeId: id, now })
  const encoded = (text: string): string => Buffer.from(text).toString('base64url')

  it('is valid until it expires, or for ever', () => {
    expect(isValid(expires, expiresAt - 1)).toBe(true)
    expect(isValid(expires, expiresAt)).toBe(false)
    expect(isValid(neverExpires, Number.MAX_SAFE_INTEGER)).toBe(true)
  })

  it('is valid only for that store and secret', () => {
    expect(isValid(neverExpires, 0, 'WkzbQMuFYuamGv3YE')).toBe(false)
    const another = signContent('another', { storeId, expiresAt: 0 })
    expect(isValid(another)).toBe(false)
  })

  it('may have padding, as from the Python client, and a fraction of a millisecond', () => {
    expect(isValid(`${neverExpires}==`)).toBe(true)
    const fraction = signContent(secret, { storeId, expiresAt: 1_000.5 })
    expect([isValid(fraction, 1_000), isValid(fraction, 1_001)]).toEqual([true, false])
  })

  it('has only one valid spelling', () => {
    const last = neverExpires.slice(-1)
    for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      expect(isValid(neverExpires.slice(0, -1) + char), char).toBe(char === last)
    }
  })

  const hmac = hmac62(secret, `0.0.${storeId}`)
  it.each([
    ['nothing', ''],
    ['no base64', 'ä😀 ?'],
    ['no parts', encoded(hmac)],
    ['no HMAC', encoded(`0.0.`)],
    ['another expiry time', encoded(`0.1.${hmac}`)],
    ['another version', encoded(`1.0.${hmac62(secret, `1.0.${storeId}`)}`)],
    ['an expiry time that is not a number', encoded(`0.NaN.${hmac62(secret, `0.NaN.${storeId}`)}`)],
    ['a negative expiry time', encoded(`0.-1.${hmac62(secret, `0.-1.${storeId}`)}`)],
    ['more padding', `${neverExpires}===`],
    ['far too much', 'A'.repeat(10_000)],
    ['the signature of a record', signRecord(secret, storeId)],
  ])('is not %s', (_, wrong) => expect(isValid(wrong)).toBe(false))
})

it('computes the same HMAC as Node does, for all lengths of secret and text', () => {
  for (const length of [0, 1, 31, 63, 64, 65, 500]) {
    const secret = 'sé'.repeat(length).slice(0, length)
    const text = 'tü'.repeat(length)
    const hex = createHmac('sha256', secret).update(text).digest('hex').slice(0, 30)
    expect(numberOf(hmac62(secret, text))).toBe(BigInt(`0x${hex}`))
  }
})

it('signs many records exactly as it signs each one', () => {
  const sign = recordSigner('a secret')
  const keys = ['OUTPUT', 'a'.repeat(256), '%F0%9F%98%80', 'OUTPUT']
  expect(keys.map(sign)).toEqual(keys.map((key) => signRecord('a secret', key)))
})

/** The number behind a base-62 text. */
function numberOf(spelling: string): bigint {
  const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
  return [...spelling].reduce((sum, digit) => sum * 62n + BigInt(digits.indexOf(digit)), 0n)
}
