import { expect, it } from 'vitest'
import { LookupQueue } from './call.ts'

it('work that finishes synchronously does not overtake earlier work', async () => {
  const turns = new LookupQueue()
  const { promise, resolve } = Promise.withResolvers<string>()
  const order: string[] = []
  const note = async (found: string | Promise<string>): Promise<void> => {
    order.push(await found)
  }
  const all = [
    note(turns.run(() => promise)),
    note(turns.run(() => 'second')),
    note(turns.run(async () => 'third')),
    note(turns.run(() => 'fourth')),
  ]
  resolve('first')
  await Promise.all(all)
  expect(order).toEqual(['first', 'second', 'third', 'fourth'])
})

it('failed work does not affect later work, and an idle queue answers synchronously', async () => {
  const turns = new LookupQueue()
  const failing = turns.run(() => Promise.reject(new Error('mine')))
  const next = turns.run(() => 'fine')
  await expect(failing).rejects.toThrow('mine')
  expect(await next).toBe('fine')
  expect(turns.run(() => 'at once')).toBe('at once')
})
