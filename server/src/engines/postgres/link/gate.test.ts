import { expect, it } from 'vitest'
import { Gate } from './gate.ts'

it('lets a limited number run at once, and the others in line, even if work fails', async () => {
  const gate = new Gate(2)
  const begun: number[] = []
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>())
  const works = ends.map(({ promise }, index) =>
    gate.through(() => {
      begun.push(index)
      return promise
    }),
  )
  await new Promise(setImmediate)
  expect(begun).toEqual([0, 1])
  ends[1]?.reject(new Error('failed'))
  await expect(works[1]).rejects.toThrow('failed')
  await new Promise(setImmediate)
  expect(begun).toEqual([0, 1, 2])
  for (const end of ends) end.resolve()
  await Promise.allSettled(works)
  expect(begun).toEqual([0, 1, 2, 3, 4])
  expect(await gate.through(async () => 'again')).toBe('again')
})
