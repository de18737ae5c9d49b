import { describe, expect, it } from 'vitest'
import { limits } from './limits.ts'
import { PageKeys, type ShownKey } from './page-keys.ts'
import { minute, TestEnvironment } from './testing.ts'

function shown(pageKey: string, about: Partial<ShownKey> = {}): ShownKey {
  return { channelId: 'channel', pageKey, peer: 'address', ...about }
}

function guess(keys: PageKeys, count: number): void {
  for (let n = 0; n < count; n += 1) {
    keys.assertMayTry(shown(`wrong-${n}`))
    keys.noteWrong(shown(`wrong-${n}`))
  }
}

describe('guesses of page keys', () => {
  const tooMany = { code: 'too-many-guesses' }

  it('are over for a minute where so many from one address were wrong', () => {
    const environment = new TestEnvironment()
    const keys = new PageKeys(environment)
    guess(keys, limits.pageKeyGuessesMax)
    expect(() => keys.assertMayTry(shown('one more'))).toThrow(expect.objectContaining(tooMany))
    keys.assertMayTry(shown('one more', { peer: 'elsewhere' }))
    environment.advance(minute)
    keys.assertMayTry(shown('one more'))
  })

  it('are none of a class whose pages all have the same old key', () => {
    const keys = new PageKeys(new TestEnvironment())
    for (let n = 0; n < limits.pageKeyGuessesMax * 2; n += 1) keys.noteWrong(shown('the old key'))
    keys.assertMayTry(shown('the new key'))
  })

  it('leave alone who has a key that was right before, until it is wrong', () => {
    const keys = new PageKeys(new TestEnvironment())
    keys.noteRight(shown('right'))
    guess(keys, limits.pageKeyGuessesMax)
    keys.assertMayTry(shown('right'))
    const elsewhere = shown('right', { channelId: 'other' })
    expect(() => keys.assertMayTry(elsewhere)).toThrow(expect.objectContaining(tooMany))
    keys.noteWrong(shown('right'))
    expect(() => keys.assertMayTry(shown('right'))).toThrow(expect.objectContaining(tooMany))
  })
})
