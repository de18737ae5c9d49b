const tokenMax = 2n ** 64n - 1n

/**
 * A session token as JSON text. Throws TypeError for anything but a bigint or digits, such as a
 * number: numbers lose digits of tokens. Throws RangeError beyond 64 bits.
 */
export function tokenText(token: bigint | string): string {
  const isText = typeof token === 'string' && /^\d+$/.test(token)
  if (!isText && typeof token !== 'bigint') {
    throw new TypeError('A session token is a bigint or the digits of one.')
  }
  const number = BigInt(token)
  if (number < 0n || number > tokenMax) throw new RangeError('A session token has 64 bits.')
  return String(number)
}
