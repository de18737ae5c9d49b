import { expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { limits } from '../kernel/limits.ts'
import { kindRange, userKey } from './keyspace.ts'
import { walk } from './walk.ts'

async function engineWith(count: number, bytes: number): Promise<MemoryEngine> {
  const engine = new MemoryEngine()
  for (let made = 0; made < count; made += 1) {
    const key = userKey(String(made).padStart(17, '0'))
    await engine.commit({ puts: [{ key, value: Buffer.alloc(bytes) }] })
  }
  return engine
}

it.each([0, 1, limits.pageItemsMax, limits.pageItemsMax + 1, 2_500])(
  'gives each of %i entries once, in order',
  async (count) => {
    const engine = await engineWith(count, 1)
    const keys = (await Array.fromAsync(walk(engine, kindRange('user')))).map(({ key }) =>
      Buffer.from(key).toString(),
    )
    expect(keys.length).toBe(count)
    expect(new Set(keys).size).toBe(count)
    expect(keys.toSorted()).toEqual(keys)
  },
)

it('gives entries that together are larger than a page', async () => {
  const engine = await engineWith(9, 1_000_000)
  expect(await Array.fromAsync(walk(engine, kindRange('user')))).toHaveLength(9)
})

it('gives nothing of another kind', async () => {
  const engine = await engineWith(3, 1)
  expect(await Array.fromAsync(walk(engine, kindRange('token')))).toEqual([])
})

it('gives each entry even if entries are removed during the walk', async () => {
  const engine = await engineWith(2_500, 1)
  const seen: string[] = []
  for await (const { key } of walk(engine, kindRange('user'))) {
    await engine.commit({ deletes: [key] })
    seen.push(Buffer.from(key).toString())
  }
  expect(new Set(seen).size).toBe(2_500)
})
