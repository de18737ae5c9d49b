/**
 * Compares numbers as they are written in JSON, exactly: neither digits beyond those of a double
 * nor large exponents get lost. Returns less than 0 if `a` is less, more than 0 if it is more.
 */
export function compareNumbers(a: string, b: string): number {
  if (a === b) return 0
  if (isExactAsDouble(a) && isExactAsDouble(b)) return Number(a) - Number(b)
  const left = decimalOf(a)
  const right = decimalOf(b)
  if (left.sign !== right.sign) return left.sign - right.sign
  return left.sign * compareMagnitudes(left, right)
}

/** Different numbers of up to 15 digits, without exponents, are different doubles in order. */
function isExactAsDouble(text: string): boolean {
  return text.length <= 15 && !/[eE]/.test(text)
}

interface Decimal {
  readonly sign: -1 | 0 | 1
  /**
   * Without zeros at the beginning and the end: the value is 0.DIGITS times ten to the power
   * `exponent`.
   */
  readonly digits: string
  readonly exponent: number
}

function decimalOf(text: string): Decimal {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e')
  const isNegative = mantissa.startsWith('-')
  const [whole = '', fraction = ''] = mantissa.slice(isNegative ? 1 : 0).split('.')
  const all = whole + fraction
  let start = 0
  while (all[start] === '0') start += 1
  if (start === all.length) return { sign: 0, digits: '', exponent: 0 }
  let end = all.length
  while (all[end - 1] === '0') end -= 1
  // Exponents beyond 2^53 need not be exact: no computer can write out such numbers.
  const exponent = whole.length - start + Number(power)
  return { sign: isNegative ? -1 : 1, digits: all.slice(start, end), exponent }
}

function compareMagnitudes(a: Decimal, b: Decimal): number {
  if (a.exponent !== b.exponent) return a.exponent < b.exponent ? -1 : 1
  if (a.digits === b.digits) return 0
  return a.digits < b.digits ? -1 : 1
}
