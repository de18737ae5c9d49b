import { expect, it } from 'vitest'
import { settle } from '../testing/times.ts'
import { Newest } from './newest.ts'

const never = new AbortController().signal

it('resolves at once if a newer revision is known', async () => {
  const newest = new Newest(5)
  expect(await newest.newerThan(4, never)).toBe(5)
  expect(await newest.newerThan(-1, never)).toBe(5)
})

it('wakes all callers that know only older revisions than the new one', async () => {
  const newest = new Newest(5)
  const waiting = [newest.newerThan(5, never), newest.newerThan(6, never)]
  newest.advance(8)
  expect(await Promise.all(waiting)).toEqual([8, 8])
})

it('does not wake callers that know the new revision already', async () => {
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

it('rejects with the reason of the signal, aborted before or during the wait', async () => {
  const newest = new Newest(5)
  const abort = new AbortController()
  const waiting = newest.newerThan(5, abort.signal)
  abort.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(newest.newerThan(0, abort.signal)).rejects.toThrow('enough')
})

it('rejects waiting callers when the engine closes', async () => {
  const newest = new Newest(5)
  const waiting = newest.newerThan(5, never)
  newest.close()
  await expect(waiting).rejects.toMatchObject({ failure: 'closed' })
})
