import { expect, it } from 'vitest'
import { InTurn } from './call.ts'

it('work that is done at once does not overtake what came before it', async () => {
  const turns = new InTurn()
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

it('work that fails fails alone, and what is known is had at once', async () => {
  const turns = new InTurn()
  const failing = turns.run(() => Promise.reject(new Error('mine')))
  const next = turns.run(() => 'fine')
  await expect(failing).rejects.toThrow('mine')
  expect(await next).toBe('fine')
  expect(turns.run(() => 'at once')).toBe('at once')
})
