import { expect, it } from 'vitest'
import { settle } from '../testing/times.ts'
import { KeyQueue } from './key-queue.ts'

it('runs work under one key one after the other, first in, first out', async () => {
  const queue = new KeyQueue()
  const events: string[] = []
  const work = async (name: string): Promise<void> => {
    events.push(`${name} begins`)
    await settle()
    events.push(`${name} ends`)
  }
  await Promise.all(['a', 'b', 'c'].map((name) => queue.run('key', () => work(name))))
  expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

it('runs different keys at the same time', async () => {
  const queue = new KeyQueue()
  const never = queue.run('one', () => new Promise<string>(() => undefined))
  const other = queue.run('other', async () => 'done')
  expect(await Promise.race([never, other])).toBe('done')
})

it('gives each caller the result of its own work', async () => {
  const queue = new KeyQueue()
  const answers = Array.from({ length: 20 }, (_, index) => queue.run('key', async () => index))
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, (_, index) => index))
})

it('lets the next one run when one fails, and fails only its own caller', async () => {
  const queue = new KeyQueue()
  const failing = queue.run('key', () => Promise.reject(new Error('mine')))
  const next = queue.run('key', async () => 'fine')
  await expect(failing).rejects.toThrow('mine')
  expect(await next).toBe('fine')
})

it('starts at once under a key whose queue has emptied', async () => {
  const queue = new KeyQueue()
  await queue.run('key', async () => undefined)
  await settle()
  let started = false
  const done = queue.run('key', async () => {
    started = true
  })
  expect(started).toBe(true)
  await done
})

it('runs work that running work queues after that work', async () => {
  const queue = new KeyQueue()
  const events: string[] = []
  let inner = Promise.resolve()
  await queue.run('key', async () => {
    await settle()
    inner = queue.run('key', async () => {
      events.push('inner')
    })
    await settle()
    events.push('outer')
  })
  await inner
  expect(events).toEqual(['outer', 'inner'])
})

it('runs work with several keys in its turn under all of them, without a deadlock', async () => {
  const queue = new KeyQueue()
  const running = new Set<string>()
  const order: number[] = []
  const work = async (index: number, keys: readonly string[]): Promise<void> => {
    for (const key of keys) {
      expect(running.has(key), key).toBe(false)
      running.add(key)
    }
    await settle()
    for (const key of keys) running.delete(key)
    order.push(index)
  }
  const sets = [['a', 'b'], ['b', 'a'], ['c'], ['a', 'c'], [], ['b'], ['c', 'b', 'a'], ['a']]
  await Promise.all(sets.map((keys, index) => queue.runAll(keys, () => work(index, keys))))
  expect(order.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  const ofA = order.filter((index) => sets[index]?.includes('a'))
  expect(ofA).toEqual([0, 1, 3, 6, 7])
})

it('lets other work under those keys run when one fails', async () => {
  const queue = new KeyQueue()
  const failing = queue.runAll(['a', 'b'], () => Promise.reject(new Error('mine')))
  const next = queue.runAll(['b', 'c'], async () => 'fine')
  const single = queue.run('a', async () => 'fine too')
  await expect(failing).rejects.toThrow('mine')
  expect(await Promise.all([next, single])).toEqual(['fine', 'fine too'])
})

it('with a patience lets nobody wait longer for the turn and the work together', async () => {
  const over = new Error('over')
  const ends: (() => void)[] = []
  const begun: string[] = []
  // Each caller waits until the test says that its time is over.
  const queue = new KeyQueue({
    during: async (work) => {
      const { promise, reject } = Promise.withResolvers<never>()
      const turn = { isOver: false, begin: () => undefined }
      ends.push(() => {
        turn.isOver = true
        reject(over)
      })
      return Promise.race([work(turn), promise])
    },
  })
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const work = (name: string) => async (): Promise<string> => {
    begun.push(name)
    await held
    return name
  }
  const calls = ['a', 'b', 'c'].map((name) => queue.run('key', work(name)))
  ends[0]?.()
  ends[1]?.()
  await expect(calls[0]).rejects.toBe(over)
  await expect(calls[1]).rejects.toBe(over)
  expect(begun).toEqual(['a'])
  release()
  // The second one is left out: nobody waits for it.
  expect(await calls[2]).toBe('c')
  expect(begun).toEqual(['a', 'c'])
})
