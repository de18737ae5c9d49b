import { expect, it } from 'vitest'
import { settle } from '../testing/testing.ts'
import { Newest } from './newest.ts'

const never = new AbortController().signal

it('answers at once where something newer is known', async () => {
  const newest = new Newest(5)
  expect(await newest.newerThan(4, never)).toBe(5)
  expect(await newest.newerThan(-1, never)).toBe(5)
})

it('wakes everybody who waited for something older than what came', async () => {
  const newest = new Newest(5)
  const waiting = [newest.newerThan(5, never), newest.newerThan(6, never)]
  newest.advance(8)
  expect(await Promise.all(waiting)).toEqual([8, 8])
})

it('lets those wait on who have seen what came', async () => {
  const newest = new Newest(5)
  let answered = false
  const waiting = newest.newerThan(8, never).finally(() => {
    answered = true
  })
  newest.advance(8)
  await settle()
  expect(answered).toBe(false)
  newest.advance(9)
  expect(await waiting).toBe(9)
})

it('never goes back', () => {
  const newest = new Newest(5)
  newest.advance(9)
  newest.advance(7)
  expect(newest.revision).toBe(9)
})

it('refuses a wait with the reason of its signal, before and while it waits', async () => {
  const newest = new Newest(5)
  const abort = new AbortController()
  const waiting = newest.newerThan(5, abort.signal)
  abort.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(newest.newerThan(0, abort.signal)).rejects.toThrow('enough')
})

it('refuses whoever waits when the engine closes', async () => {
  const newest = new Newest(5)
  const waiting = newest.newerThan(5, never)
  newest.close()
  await expect(waiting).rejects.toMatchObject({ failure: 'closed' })
})
