/** The value that `part` (0 to 1) of all values do not exceed; NaN for none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = Float64Array.from(values).sort()
  const index = Math.max(0, Math.ceil(part * sorted.length) - 1)
  return sorted[index] ?? Number.NaN
}

/** NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  if (sorted.length % 2 === 1) return upper
  return (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}
