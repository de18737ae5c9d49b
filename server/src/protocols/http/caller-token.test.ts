import { describe, expect, it } from 'vitest'
import { callerToken } from './caller-token.ts'

describe('the token of a caller', () => {
  it.each([
    ['none', undefined, undefined, undefined],
    ['that of the query', undefined, 'q', 'q'],
    ['that of the header, whatever the query says', 'Bearer h', 'q', 'h'],
    ['that of a header with two blanks', 'Bearer  h', undefined, 'h'],
    ['that of a header with a tab', 'Bearer\th', undefined, 'h'],
    ['that of a header with a lower-case scheme and extra blanks', 'bearer   h  ', 'q', 'h'],
    ['that of the query, if the header is for a proxy', 'Basic dTpw', 'q', 'q'],
    // RFC 9110, 11.1 and 5.6.2: a scheme is a token, which may have digits and hyphens.
    ['that of the query, if the scheme has a hyphen', 'AWS4-HMAC-SHA256 Credential=a', 'q', 'q'],
    ['none, if there is only a header for a proxy', 'Basic dTpw', undefined, undefined],
    ['the text of a header without a scheme', 'h', 'q', 'h'],
    ['the text of a header without a token', 'Bearer', 'q', 'Bearer'],
  ])('is %s', (_, authorization, queryToken, token) => {
    expect(callerToken(authorization, queryToken)).toBe(token)
  })
})
