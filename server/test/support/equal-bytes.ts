import { expect } from 'vitest'

// Vitest compares bytes as objects, one by one, which takes a second for a megabyte. Where this
// does not say that they are equal, Vitest compares them itself.
expect.addEqualityTesters([
  (one: unknown, other: unknown): true | undefined => {
    if (!(one instanceof Uint8Array && other instanceof Uint8Array)) return undefined
    const isAlike = one.constructor === other.constructor && Buffer.compare(one, other) === 0
    return isAlike || undefined
  },
])
