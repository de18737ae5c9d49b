import { describe, expect, it } from 'vitest'
import { KeyQueue } from '../../../core/kernel/key-queue.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { recordsOf } from '../../../core/stores/seed.ts'
import { callerWith, owner } from '../../../core/testing/callers.ts'
import { codeOf } from '../../../core/testing/outcomes.ts'
import { openTestDomain } from '../../../core/testing/test-domain.ts'
import { second, settle } from '../../../core/testing/times.ts'
import { MemoryEngine } from '../../../engines/memory.ts'
import { PageDenied } from './errors.ts'
import { PairsCap } from './pairs-cap.ts'

const pairsMax = 2_000

async function openCap() {
  const domain = await openTestDomain(new MemoryEngine())
  const { environment } = domain
  const store = await domain.stores.create({ ownerId: owner, name: 'game' })
  const cap = new PairsCap({ environment, turns: new KeyQueue() }, pairsMax)
  const add = (keys: readonly string[], after?: Promise<void>): Promise<string> =>
    outcomeOf(
      cap.run(store, keys, async () => {
        await after
        await store.batch.add(recordsOf(keys.map((key) => ({ key, json: '1' }))))
      }),
    )
  const count = async (): Promise<number> => (await store.info()).recordCount
  return { domain, environment, store, cap, add, count }
}

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    () => 'refused',
  )
}

function keysOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${n}`)
}

describe('the maximum number of pairs of a project', () => {
  it('is not exceeded by writes that begin at the same time', async () => {
    const { add, count } = await openCap()
    const outcomes = await Promise.all(['a', 'b', 'c'].map((name) => add(keysOf(name, 900))))
    expect(outcomes.toSorted()).toEqual(['done', 'done', 'refused'])
    expect(await count()).toBe(1_800)
  })

  it('is not exceeded by writes that began when there was room and are still running', async () => {
    const { add, count } = await openCap()
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    await add(keysOf('a', 900))
    const early = add(keysOf('early', 100), gate)
    const large = add(keysOf('large', 1_050))
    const later = keysOf('later', 100).map((key) => add([key]))
    await settle()
    open()
    expect(await early).toBe('done')
    expect(await large).toBe('refused')
    expect(new Set(await Promise.all(later))).toEqual(new Set(['done']))
    expect(await count()).toBe(1_100)
    expect(await add(keysOf('fits', 900))).toBe('done')
    expect(await add(['one more'])).toBe('refused')
    expect(await add(['a1'])).toBe('done')
    expect(await count()).toBe(pairsMax)
  })

  it('may be exceeded by an import: then existing pairs may still be overwritten', async () => {
    const { add, count, store } = await openCap()
    const imported = keysOf('imported', pairsMax + 1)
    await store.batch.put(recordsOf(imported.map((key) => ({ key, json: '1' }))))
    expect(await add(['imported0'])).toBe('done')
    expect(await add(['imported0', 'new'])).toBe('refused')
    expect(await count()).toBe(pairsMax + 1)
  })

  it('is not exceeded by a write that runs while the pairs are counted again', async () => {
    const { add, count, environment } = await openCap()
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const large = add(keysOf('large', 1_500), gate)
    await settle()
    environment.advance(second)
    const other = add(keysOf('other', 900))
    await settle()
    open()
    expect([await large, await other]).toEqual(['done', 'refused'])
    expect(await count()).toBe(1_500)
  })

  it('needs a count, which is kept for a bounded number of projects: those used last', async () => {
    const { domain, cap } = await openCap()
    const ids: string[] = []
    let asked = 0
    const caller = callerWith(() => {
      asked += 1
    })
    const isCounted = async (id: string): Promise<boolean> => {
      const store = await domain.stores.find(id, caller)
      const before = asked
      await cap.run(store, [], async () => undefined)
      return asked > before
    }
    const use = async (): Promise<void> => {
      const { id } = await domain.stores.create({ ownerId: owner, name: undefined })
      ids.push(id)
      expect(await isCounted(id)).toBe(true)
    }
    for (let n = 0; n < limits.cachedStoresMax; n += 1) await use()
    const [first = '', second = ''] = ids
    expect(await isCounted(first)).toBe(false)
    await use()
    expect([await isCounted(first), await isCounted(second)]).toEqual([false, true])
  })

  it('needs a count, which the next call makes if the first may not use the store', async () => {
    const { add, cap, domain, store } = await openCap()
    let isClosed = false
    const caller = callerWith(() => {
      if (isClosed) throw PageDenied.keyMissing()
    })
    const closed = await domain.stores.find(store.id, caller)
    isClosed = true
    const refused = codeOf(cap.run(closed, ['k'], async () => undefined))
    const others = ['a', 'b'].map((key) => add([key]))
    expect(await refused).toBe('access-denied')
    expect(await Promise.all(others)).toEqual(['done', 'done'])
  })
})
