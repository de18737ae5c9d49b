import { describe, expect, it } from 'vitest'
import { callerToken } from './caller-token.ts'

describe('the token that a caller comes with', () => {
  it.each([
    ['none', undefined, undefined, undefined],
    ['that of the query', undefined, 'q', 'q'],
    ['that of the header, whatever the query says', 'Bearer h', 'q', 'h'],
    ['that of a header in other letters and with blanks around it', 'bearer   h  ', 'q', 'h'],
    ['that of the query, beside a scheme that is meant for a proxy', 'Basic dTpw', 'q', 'q'],
    ['none, where a proxy alone is asked', 'Basic dTpw', undefined, undefined],
    ['the text of a header that is no scheme', 'h', 'q', 'h'],
    ['the text of a header that has no token', 'Bearer', 'q', 'Bearer'],
  ])('is %s', (_, authorization, queryToken, token) => {
    expect(callerToken(authorization, queryToken)).toBe(token)
  })
})
