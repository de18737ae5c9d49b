import { createHash } from 'node:crypto'

/** `size` bytes without repetitions, so that shifted or swapped parts are noticed. */
export function patternBytes(size: number, seed = 0): Buffer {
  const hash = createHash('shake256', { outputLength: Math.max(size, 1) })
  return hash.update(`pattern ${seed}`).digest().subarray(0, size)
}
