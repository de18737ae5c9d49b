import { limits } from '../kernel/limits.ts'

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

/**
 * The exact sum of two numbers as they are written in JSON: 0.1 and 0.2 make 0.3, and all digits
 * are kept. Undefined if the sum, or a number, is beyond those of a double, or is very long.
 */
export function addNumbers(a: string, b: string): string | undefined {
  const [left, right] = [scaledOf(a), scaledOf(b)]
  if (!left || !right) return undefined
  const exponent = Math.min(left.exponent, right.exponent)
  const sum = unitsOf(left, exponent) + unitsOf(right, exponent)
  const text = spelled(sum, exponent)
  return text.length <= limits.numberLengthMax && Number.isFinite(Number(text)) ? text : undefined
}

/** Doubles reach from about 1e-324 to 1e308. */
const exponentMax = 400

/** The value is `units` times ten to the power `exponent`. */
interface Scaled {
  readonly units: bigint
  readonly exponent: number
}

function scaledOf(text: string): Scaled | undefined {
  if (text.length > limits.numberLengthMax) return undefined
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const units = BigInt(whole + fraction)
  if (units === 0n) return { units, exponent: 0 }
  if (Math.abs(Number(power)) > exponentMax) return undefined
  return { units, exponent: Number(power) - fraction.length }
}

function unitsOf({ units, exponent }: Scaled, least: number): bigint {
  return units * 10n ** BigInt(exponent - least)
}

function spelled(units: bigint, exponent: number): string {
  if (exponent >= 0) return `${units * 10n ** BigInt(exponent)}`
  const sign = units < 0n ? '-' : ''
  const digits = `${units < 0n ? -units : units}`.padStart(1 - exponent, '0')
  const point = digits.length + exponent
  const fraction = digits.slice(point).replace(/0+$/, '')
  return sign + digits.slice(0, point) + (fraction === '' ? '' : `.${fraction}`)
}
