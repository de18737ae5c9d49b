import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { BytePool } from '../../core/kernel/bounds/byte-pool.ts'
import { ReplyRoom } from './reply-room.ts'

it('counts what a stream without an end holds, and nothing once it is over', () => {
  const pool = new BytePool({ bytesMax: 100, ownerBytesMax: 100 })
  let holds = (_: number): void => undefined
  const openEnd = {
    bytesMax: 60,
    count(counting: typeof holds): void {
      holds = counting
    },
    end: () => undefined,
  }
  const reply = { status: 200, headers: {}, body: '', openEnd }
  const giveBack = new ReplyRoom(pool).take(reply, { socket: new Socket(), owner: 'an address' })
  expect(pool.bytes).toBe(0)
  holds(40)
  expect(pool.bytes).toBe(40)
  giveBack?.()
  // A batch that was made ready while the client went away.
  holds(40)
  expect(pool.bytes).toBe(0)
})
