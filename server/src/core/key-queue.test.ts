import { expect, it } from 'vitest'
import { KeyQueue } from './key-queue.ts'
import { settle } from './testing.ts'

it('runs what is queued under one key one after the other, first in first out', async () => {
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

it('gives each caller the answer of its own work', async () => {
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

it('takes what is queued by a running work behind it', async () => {
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
