import { expect, it } from 'vitest'
import { limits } from '../limits.ts'
import { WorkTurns } from './work-turns.ts'

const turnOfLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('lets pieces begin at once until they are much work, then in later turns of the loop', async () => {
  const turns = new WorkTurns()
  const line = turns.openLine('ann')
  const half = limits.workPerTurn / 2
  expect(turns.next(line, half)).toBeUndefined()
  expect(turns.next(line, half)).toBeUndefined()
  const begun: number[] = []
  for (let piece = 0; piece < 6; piece += 1) {
    void Promise.resolve(turns.next(line, half)).then(() => begun.push(piece))
  }
  await Promise.resolve()
  expect(begun).toEqual([])
  await turnOfLoop()
  await turnOfLoop()
  expect(begun.length).toBeGreaterThanOrEqual(2)
  expect(begun.length).toBeLessThanOrEqual(4)
  for (let turn = 0; turn < 5; turn += 1) await turnOfLoop()
  expect(begun).toEqual([0, 1, 2, 3, 4, 5])
  expect(turns.next(line)).toBeUndefined()
})

it('lets owners take turns, and the lines of each', async () => {
  const turns = new WorkTurns()
  const [first, second, other] = [
    turns.openLine('ann'),
    turns.openLine('ann'),
    turns.openLine('bob'),
  ]
  turns.spend(limits.workPerTurn)
  const begun: string[] = []
  for (const [name, line] of [
    ['first', first],
    ['first', first],
    ['second', second],
    ['other', other],
    ['other', other],
  ] as const) {
    void Promise.resolve(turns.next(line)).then(() => begun.push(name))
  }
  for (let turn = 0; turn < 8; turn += 1) await turnOfLoop()
  expect(begun).toEqual(['first', 'other', 'second', 'other', 'first'])
})

it('pays for a long piece with turns of the loop without long work', async () => {
  const turns = new WorkTurns()
  const line = turns.openLine('ann')
  const times = 5
  expect(turns.next(line, times * limits.workPerTurn)).toBeUndefined()
  let hasBegun = false
  void Promise.resolve(turns.next(line)).then(() => {
    hasBegun = true
  })
  for (let turn = 0; turn < times - 1; turn += 1) {
    await turnOfLoop()
    expect(hasBegun).toBe(false)
  }
  for (let turn = 0; turn < 2; turn += 1) await turnOfLoop()
  expect(hasBegun).toBe(true)
})
