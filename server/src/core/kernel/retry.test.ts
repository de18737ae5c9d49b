import { expect, it } from 'vitest'
import { lostRace, retry } from './retry.ts'

const never = (): never => {
  throw new Error('It gave up.')
}

it('answers what the first attempt answers that does not lose a race', async () => {
  const indices: number[] = []
  const attempt = async (index: number) => {
    indices.push(index)
    return index < 2 ? lostRace : undefined
  }
  expect(await retry(5, attempt, never)).toBe(undefined)
  expect(indices).toEqual([0, 1, 2])
})

it('gives up after the last attempt, with an answer or an error', async () => {
  let attempts = 0
  const attempt = async (): Promise<typeof lostRace> => {
    attempts += 1
    return lostRace
  }
  expect(await retry<string>(3, attempt, () => 'busy')).toBe('busy')
  expect(attempts).toBe(3)
  await expect(retry(1, attempt, never)).rejects.toThrow('It gave up.')
})

it('throws what an attempt throws, and does not try again', async () => {
  let attempts = 0
  const attempt = async () => {
    attempts += 1
    throw new Error('no')
  }
  await expect(retry(3, attempt, never)).rejects.toThrow('no')
  expect(attempts).toBe(1)
})
