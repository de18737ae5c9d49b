import { expect, it } from 'vitest'
import { TestEnvironment } from '../testing/test-environment.ts'
import { createId, isId, randomAlphanumerics } from './ids.ts'

it('makes ids of 17 letters and digits', () => {
  const id = createId(new TestEnvironment())
  expect(id).toMatch(/^[a-zA-Z0-9]{17}$/)
  expect(isId(id)).toBe(true)
})

it('makes no id twice', () => {
  const environment = new TestEnvironment()
  const ids = Array.from({ length: 10_000 }, () => createId(environment))
  expect(new Set(ids).size).toBe(ids.length)
})

it('accepts only texts that have the form of an id', () => {
  const id = 'abcdefghijklmnop0'
  expect(isId(id)).toBe(true)
  for (const other of [
    '',
    id.slice(1),
    `${id}a`,
    id.replace('a', '-'),
    `${id}\n`,
    `é${id.slice(1)}`,
  ]) {
    expect(isId(other), other).toBe(false)
  }
})

it('makes texts of any length', () => {
  const environment = new TestEnvironment()
  for (const length of [0, 1, 32, 500]) {
    expect(randomAlphanumerics(environment, length)).toHaveLength(length)
  }
})

it('uses each letter and digit as often as any other', () => {
  const text = randomAlphanumerics(new TestEnvironment(), 62_000)
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  expect(counts.size).toBe(62)
  // 1,000 each, give or take five standard deviations.
  expect(Math.min(...counts.values())).toBeGreaterThan(840)
  expect(Math.max(...counts.values())).toBeLessThan(1_160)
})

it('skips the bytes that would make some letters more likely', () => {
  const bytes = [248, 255, 0, 251, 61, 62, 247]
  expect(randomAlphanumerics({ randomBytes: () => Buffer.from(bytes) }, 4)).toBe('A9A9')
})
