import { describe, expect, it } from 'vitest'
import { useNemesis } from './support.ts'

describe('a session of NemesisClient at Coatcheck', () => {
  const { connect } = useNemesis()
  const open = async () => (await connect()).createSession('test')

  it('adds to numbers in one step', async () => {
    const session = await open()
    expect(await session.increment('n')).toEqual({ value: 1, revision: expect.any(Number) })
    await Promise.all(Array.from({ length: 100 }, () => session.increment('n', 2)))
    expect(await session.getOne('n')).toBe(201)
    await session.set({ n: 9007199254740993n, text: 'x' })
    expect((await session.increment('n', -1n)).value).toBe(9007199254740992n)
    const wrong = session.increment('text')
    await expect(wrong).rejects.toMatchObject({ statusName: 'ValueTypeInvalid', command: 'KV_INC' })
  })

  it('does what has a name once', async () => {
    const session = await open()
    const first = await session.increment('n', 5, { idempotencyKey: 'one' })
    expect(await session.increment('n', 5, { idempotencyKey: 'one' })).toEqual(first)
    const set = await session.setIf('k', 1, { revision: 0, idempotencyKey: 'two' })
    expect(set).toBeGreaterThan(first.revision)
    expect(await session.setIf('k', 1, { revision: 0, idempotencyKey: 'two' })).toBe(set)
  })

  it('sets a value only over the version that the caller knows', async () => {
    const session = await open()
    const revision = await session.setIf('k', { a: 1 }, { revision: 0 })
    expect(revision).toBeTypeOf('number')
    expect(await session.setIf('k', 2, { revision: 0 })).toBeUndefined()
    expect(await session.getWithRevisions(['k', 'nothing'])).toEqual(
      new Map([['k', { value: { a: 1 }, revision }]]),
    )
    const next = await session.setIf('k', '[5]', { revision: revision ?? 0, raw: true })
    expect(next).toBeGreaterThan(revision ?? 0)
    expect(await session.setIf('k', 3, { revision: revision ?? 0 })).toBeUndefined()
    expect(await session.setIf('none', 3, { revision: revision ?? 0 })).toBeUndefined()
    expect(await session.getOne('k')).toEqual([5])
  })
})
