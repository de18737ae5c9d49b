import { describe, expect, it } from 'vitest'
import { BytePool } from './byte-pool.ts'

describe('a pool of bytes', () => {
  const bounds = { bytesMax: 100, ownerBytesMax: 60 }

  it('has room for each owner up to its bound, and for all up to theirs', () => {
    const pool = new BytePool(bounds)
    const [ann, bob] = [pool.open('ann'), pool.open('bob')]
    expect(ann.take(61)).toBe(false)
    expect(ann.take(60)).toBe(true)
    expect(pool.open('ann').take(1)).toBe(false)
    expect(bob.take(41)).toBe(false)
    expect(bob.take(40)).toBe(true)
    expect([pool.bytes, pool.isShortFor('ann')]).toEqual([100, false])
    ann.set(0)
    expect(pool.open('ann').fits(30, 1 / 2)).toBe(false)
    expect(pool.open('ann').fits(10, 1 / 2)).toBe(true)
  })

  it('tells those that wait as soon as bytes are given back, in their order', () => {
    const pool = new BytePool(bounds)
    const held = pool.open('ann')
    held.set(60)
    const order: string[] = []
    const waiting = ['first', 'second', 'third'].map((name) => {
      const own = pool.open('ann')
      const attempt = (): boolean => own.take(30) && order.push(name) > 0
      return own.wait(attempt)
    })
    waiting[1]?.()
    expect([held.isShort, pool.isShortFor('bob')]).toEqual([true, false])
    held.set(20)
    expect(order).toEqual(['first'])
    held.set(0)
    expect(order).toEqual(['first', 'third'])
    expect(held.isShort).toBe(false)
  })

  it('does not call those whose owner has no room, when another gives bytes back', () => {
    const pool = new BytePool(bounds)
    const [ann, bob] = [pool.open('ann'), pool.open('bob')]
    ann.set(60)
    bob.set(20)
    const called: number[] = []
    for (let count = 0; count < 100; count += 1) ann.wait(() => called.push(count) < 0)
    bob.set(10)
    expect(called).toEqual([])
    ann.set(50)
    expect(called).toHaveLength(100)
  })

  it('goes on after an attempt that throws', () => {
    const pool = new BytePool(bounds)
    const [ann, bob] = [pool.open('ann'), pool.open('bob')]
    bob.set(20)
    const leave = ann.wait(() => {
      throw new Error('A bug.')
    })
    expect(() => bob.set(10)).toThrow('A bug.')
    leave()
    const called: string[] = []
    ann.wait(() => called.push('ann') > 0)
    bob.set(0)
    expect(called).toEqual(['ann'])
  })

  it('is short for everybody when one waits and most of the room is taken', () => {
    const pool = new BytePool(bounds)
    const [ann, bob] = [pool.open('ann'), pool.open('bob')]
    ann.set(50)
    bob.set(40)
    expect(pool.isShortFor('ann')).toBe(false)
    const leave = pool.open('carl').wait(() => false)
    expect([ann.isShort, bob.isShort, pool.isShortFor('carl')]).toEqual([true, true, true])
    leave()
    expect([ann.isShort, pool.isShortFor('carl')]).toEqual([false, false])
  })

  it('says when twice as much is held as should be', () => {
    const pool = new BytePool(bounds)
    pool.open('ann').set(200)
    expect([pool.isShortFor('ann'), pool.isOverrun]).toEqual([true, false])
    const more = pool.open('bob')
    more.set(1)
    expect(pool.isOverrun).toBe(true)
    more.moveTo('ann')
    expect(pool.bytes).toBe(201)
  })
})
