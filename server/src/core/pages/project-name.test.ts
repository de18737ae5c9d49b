import { expect, it } from 'vitest'
import { isStoreName } from '../records/validate.ts'
import { namesakes, slugOf } from './project-name.ts'

it('is the name, reduced to letters and digits', () => {
  const slugs = {
    'My High Scores!': 'my-high-scores',
    '  --Crème brûlée-- ': 'creme-brulee',
    game_2: 'game-2',
    'Класс 7 🎮': '7',
    Ｇａｍｅ: 'game',
    我的游戏: 'project',
    '🧥': 'project',
    '': 'project',
  }
  for (const [name, slug] of Object.entries(slugs)) expect(slugOf(name)).toBe(slug)
})

it('is a valid store name with its number, however long the name is', () => {
  for (const name of ['a'.repeat(200), `${'a'.repeat(57)} ${'b'.repeat(50)}`]) {
    for (const one of namesakes(slugOf(name), { first: 1, count: 1_000 })) {
      expect(isStoreName(one), one).toBe(true)
    }
  }
  expect(namesakes('a', { first: 1, count: 3 })).toEqual(['a', 'a-2', 'a-3'])
})
