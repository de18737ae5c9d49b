import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord } from '../testing/records.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { oneByOne, whileHeld } from './held-records.ts'
import type { StoreRecord } from './record.ts'

/** Three deleted records that were read before, and how many of their values are still there. */
async function readAndDeleted(): Promise<{
  records: readonly (StoreRecord | undefined)[]
  kept: () => Promise<number>
}> {
  const { stores, engine, sweeper } = await openTestDomain(new MemoryEngine())
  const store = await stores.create({ ownerId: owner, name: 'coats' })
  for (const key of ['a', 'b', 'c']) await store.put(bytesRecord(key, patternBytes(5_000)))
  const records = await store.batch.get(['a', 'missing', 'b', 'c'])
  await store.batch.delete(['a', 'b', 'c'])
  const kept = async (): Promise<number> => {
    await sweeper.sweep()
    return (await entriesOf(engine, 'chunk')).length
  }
  return { records, kept }
}

describe('records that are held', () => {
  it('keep their values until the work ends', async () => {
    const { records, kept } = await readAndDeleted()
    expect(await whileHeld(records, kept)).toBe(3)
    expect(await kept()).toBe(0)
  })

  it('keep their values no longer than work that answers at once', async () => {
    const { records, kept } = await readAndDeleted()
    expect(whileHeld(records, () => 'done')).toBe('done')
    expect(await kept()).toBe(0)
  })

  const failures: readonly [string, () => Promise<never>][] = [
    ['at once', () => fail()],
    ['later', async () => fail()],
  ]

  it.each(failures)('keep their values no longer than work that fails %s', async (_, work) => {
    const { records, kept } = await readAndDeleted()
    await expect(async () => whileHeld(records, work)).rejects.toThrow('failed')
    expect(await kept()).toBe(0)
  })
})

describe('records one by one', () => {
  it('let go of each value when the next one is taken', async () => {
    const { records, kept } = await readAndDeleted()
    const counts: number[] = []
    for (const record of oneByOne(records)) if (record) counts.push(await kept())
    expect(counts).toEqual([3, 2, 1])
    expect(await kept()).toBe(0)
  })

  it('let go of all values when their reader leaves early', async () => {
    const { records, kept } = await readAndDeleted()
    for (const _ of oneByOne(records)) break
    expect(await kept()).toBe(0)
  })
})

function fail(): never {
  throw new Error('failed')
}
