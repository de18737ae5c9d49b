import { describe, expect, it } from 'vitest'
import { limits } from '../kernel/limits.ts'
import { codeOf } from '../testing/outcomes.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { minute } from '../testing/times.ts'
import { PageKeys, type ShownKey } from './page-keys.ts'
import { newProject } from './project.ts'

function shown(pageKey: string, about: Partial<ShownKey> = {}): ShownKey {
  return { channelId: 'channel', pageKey, peer: 'address', ...about }
}

/** Tries keys: all but `right` are wrong. */
async function tryKey(keys: PageKeys, key: ShownKey, right?: string): Promise<void> {
  const isRight = await keys.during(key, async () => key.pageKey === right)
  if (isRight) keys.noteRight(key)
  else keys.noteWrong(key)
}

async function guess(keys: PageKeys, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await tryKey(keys, shown(`wrong-${n}`))
}

describe('guesses of page keys', () => {
  const tooMany = 'too-many-guesses'

  it('are refused for a minute after too many wrong ones from one address', async () => {
    const environment = new TestEnvironment()
    const keys = new PageKeys(environment)
    await guess(keys, limits.pageKeyGuessesMax)
    expect(await codeOf(tryKey(keys, shown('one more')))).toBe(tooMany)
    expect(await codeOf(tryKey(keys, shown('one more', { peer: 'elsewhere' })))).toBe('none')
    environment.advance(minute)
    expect(await codeOf(tryKey(keys, shown('one more')))).toBe('none')
  })

  it('are limited even if they arrive at the same time', async () => {
    const keys = new PageKeys(new TestEnvironment())
    const tries = Array.from({ length: limits.pageKeyGuessesMax * 2 }, (_, n) =>
      codeOf(tryKey(keys, shown(`wrong-${n}`))),
    )
    const refused = (await Promise.all(tries)).filter((code) => code === tooMany)
    expect(refused).toHaveLength(limits.pageKeyGuessesMax)
  })

  it('are not counted for a class whose pages all send the same old key', async () => {
    const keys = new PageKeys(new TestEnvironment())
    for (let n = 0; n < limits.pageKeyGuessesMax * 2; n += 1) {
      await tryKey(keys, shown('the old key'), 'the new key')
    }
    expect(await codeOf(tryKey(keys, shown('the new key'), 'the new key'))).toBe('none')
  })

  it("are not counted if the key has the form of Coatcheck's keys", async () => {
    const environment = new TestEnvironment()
    const keys = new PageKeys(environment)
    const made = (): string => newProject(environment, { isOpen: false }).pageKey
    for (let n = 0; n < limits.pageKeyGuessesMax * 2; n += 1) {
      expect(await codeOf(tryKey(keys, shown(made())))).toBe('none')
    }
    await guess(keys, limits.pageKeyGuessesMax)
    expect(await codeOf(tryKey(keys, shown(made())))).toBe('none')
    for (const other of ['one more', `${made()}x`, made().slice(0, -1), made().toUpperCase()]) {
      expect(await codeOf(tryKey(keys, shown(other))), other).toBe(tooMany)
    }
  })

  it('do not block a key that was right before, until it is wrong', async () => {
    const keys = new PageKeys(new TestEnvironment())
    await tryKey(keys, shown('right'), 'right')
    await guess(keys, limits.pageKeyGuessesMax)
    expect(await codeOf(tryKey(keys, shown('right'), 'right'))).toBe('none')
    const elsewhere = shown('right', { channelId: 'other' })
    expect(await codeOf(tryKey(keys, elsewhere, 'right'))).toBe(tooMany)
    await tryKey(keys, shown('right'))
    expect(await codeOf(tryKey(keys, shown('right'), 'right'))).toBe(tooMany)
  })

  it('do not block the known keys of a bounded number of channels, the latest used', async () => {
    const keys = new PageKeys(new TestEnvironment())
    const come = (n: number): Promise<string> =>
      codeOf(tryKey(keys, shown('right', { channelId: `channel-${n}` }), 'right'))
    for (let n = 0; n < limits.cachedStoresMax; n += 1) await come(n)
    await come(0)
    await come(limits.cachedStoresMax)
    await guess(keys, limits.pageKeyGuessesMax)
    expect(await Promise.all([0, 1, 2].map(come))).toEqual(['none', tooMany, 'none'])
  })
})
