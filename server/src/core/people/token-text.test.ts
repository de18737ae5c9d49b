import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { TestEnvironment } from '../testing/test-environment.ts'
import { createToken, digestOf, isWellMadeToken } from './token-text.ts'

describe('a token', () => {
  it('has a prefix, 44 letters and digits, and a checksum of both', () => {
    const token = createToken(new TestEnvironment())
    const [, text = '', checksum] = token.match(/^(coatcheck_[a-zA-Z0-9]{44})([0-9a-z]{7})$/) ?? []
    expect(checksum).toBe(crc32(text).toString(36).padStart(7, '0'))
  })

  it('is different each time', () => {
    const environment = new TestEnvironment()
    const tokens = Array.from({ length: 1_000 }, () => createToken(environment))
    expect(new Set(tokens).size).toBe(tokens.length)
  })

  it('is not well made with any one character changed', () => {
    const environment = new TestEnvironment()
    for (let made = 0; made < 200; made += 1) {
      const token = createToken(environment)
      expect(isWellMadeToken(token)).toBe(true)
      for (let at = 0; at < token.length; at += 1) {
        const other = token[at] === 'q' ? 'r' : 'q'
        const typo = token.slice(0, at) + other + token.slice(at + 1)
        expect(isWellMadeToken(typo), typo).toBe(false)
      }
    }
  })

  it('is not well made if it is longer or shorter, or has text around it', () => {
    const token = createToken(new TestEnvironment())
    const others = ['', token.slice(1), token.slice(0, -1), `${token}0`, `${token}\n`, ` ${token}`]
    expect(others.filter(isWellMadeToken)).toEqual([])
  })

  it('is stored as its SHA-256', () => {
    const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(digestOf('abc').toString('hex')).toBe(digest)
  })
})
