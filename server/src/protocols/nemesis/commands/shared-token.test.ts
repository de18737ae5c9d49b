import { describe, expect, it } from 'vitest'
import { sharedToken } from './shared-token.ts'

describe('the token of a shared session', () => {
  // Recorded from NemesisDB's own servers.
  it.each([
    ['shared1', 15992824868599950585n],
    ['sesh1', 13398186314930249707n],
    ['sesh2', 1578645534923214057n],
    ['a', 5002936193084812779n],
    ['0123456789abcdef', 10622704506070298031n],
  ])('is what NemesisDB computes from its name: %s', (name, token) => {
    expect(sharedToken(name)).toBe(token)
  })

  it('is an unsigned 64-bit integer for names of all lengths, and differs for each name', () => {
    const names = Array.from({ length: 300 }, (_, length) => '🐎žx'.repeat(length))
    const tokens = names.map(sharedToken)
    for (const token of tokens) {
      expect(token).toBeGreaterThanOrEqual(2n ** 56n)
      expect(token).toBeLessThan(2n ** 64n)
    }
    expect(new Set(tokens).size).toBe(names.length)
  })
})
