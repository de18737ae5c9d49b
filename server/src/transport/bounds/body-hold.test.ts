import { expect, it } from 'vitest'
import { BytePool } from '../../core/kernel/bounds/byte-pool.ts'
import { limits } from '../../core/kernel/limits.ts'
import { BodyHold } from './body-hold.ts'

const outcomes = { granted: () => undefined, refused: () => undefined }

it('takes no room for a body after its reply, since nobody would give it back', () => {
  const bytes = limits.httpUncountedBodyBytesMax + 1
  const pool = new BytePool({ bytesMax: 2 * bytes, ownerBytesMax: 2 * bytes })
  const hold = new BodyHold(pool, 'ann')
  expect([hold.reserve(bytes, outcomes), pool.bytes]).toEqual([true, bytes])
  hold.release()
  expect([hold.reserve(2 * bytes, outcomes), pool.bytes]).toEqual([true, 0])
})
