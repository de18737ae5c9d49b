import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { kindRange, schemaKey } from '../disk/keyspace.ts'
import { limits } from '../kernel/limits.ts'
import { callerWith, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { openTestDomain, sweepFor } from '../testing/test-domain.ts'
import { day, minute } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'
import { encodeSchema, SchemaCache } from './store-schema.ts'

const value = {
  actorKeyValueStoreSchemaVersion: 1,
  title: 'Coats',
  collections: { coats: { keyPrefix: 'coat-' } },
}
const schema = encodeSchema(value).bytes
const plain = { ownerId: owner, name: undefined }

async function openDomain() {
  const engine = new HurtEngine(new MemoryEngine())
  return { ...(await openTestDomain(engine)), hurt: engine }
}

describe('the schema of a store', () => {
  it('stays as it was given when the store is cleared or renamed', async () => {
    const { stores } = await openDomain()
    const store = await stores.create({ ...plain, schema })
    await store.clear()
    await stores.update(store.id, { name: 'named' })
    const found = await stores.findByName(owner, 'named')
    expect(JSON.parse((await found.schema())?.text ?? '')).toEqual(value)
    expect((await found.info()).hasSchema).toBe(true)
  })

  it('is none if none was given, which is known without a read', async () => {
    const { stores } = await openDomain()
    const store = await stores.create(plain)
    expect(store.hasNoSchema).toBe(false) // the store was not read yet
    expect(await store.schema()).toBeUndefined()
    expect(store.hasNoSchema).toBe(true)
  })

  it('is removed with its store, dropped or expired', async () => {
    const domain = await openDomain()
    const { stores, engine } = domain
    const dropped = await stores.create({ ...plain, schema })
    await stores.create({
      ...plain,
      schema,
      retention: { ttlMs: minute, renewOnRead: true, renewOnWrite: true, onExpiry: 'drop' },
    })
    expect(await entriesOf(engine, 'schema')).toHaveLength(2)
    await stores.drop(dropped.id)
    await sweepFor(domain, day)
    expect(await entriesOf(engine, 'schema')).toEqual([])
    expect(await codeOf(dropped.schema())).toBe('store-not-found')
  })

  it('is read with the rights of the caller', async () => {
    const { stores } = await openDomain()
    const { id } = await stores.create({ ...plain, schema })
    const guard = (): void => {
      throw new Error('guarded')
    }
    await expect(stores.find(id, callerWith(guard))).rejects.toThrow('guarded')
  })

  it('is reported as damaged if its entry is', async () => {
    const { stores, hurt } = await openDomain()
    const store = await stores.create({ ...plain, schema })
    hurt.damage(schemaKey(store.id))
    expect(await codeOf(store.schema())).toBe('record-damaged')
  })

  it('is checked by the check of all data: missing and left over', async () => {
    const { stores, engine } = await openDomain()
    const store = await stores.create({ ...plain, schema })
    expect((await check(engine)).problems).toEqual([])
    const stray = 'store000000000009'
    await engine.commit({
      deletes: [schemaKey(store.id)],
      puts: [{ key: schemaKey(stray), value: schema }],
    })
    expect((await check(engine)).problems).toEqual([
      `The schema of store ${store.id} is lost.`,
      `A schema of store ${stray} is left over.`,
    ])
  })

  it('is cached up to a limit, for the stores that were used last', () => {
    const cache = new SchemaCache()
    const { bytes } = encodeSchema({ ...value, title: 'x'.repeat(1_000_000) })
    const key = kindRange('schema').start
    const fitting = Math.floor(limits.cachedSchemasBytesMax / bytes.length)
    const decode = (n: number): void => {
      cache.decode(`store-${n}`, { key, value: bytes, revision: n })
    }
    for (let n = 0; n < fitting; n += 1) decode(n)
    expect(cache.get('store-0')).toBeDefined()
    decode(fitting)
    expect(cache.get('store-0')).toBeDefined()
    expect(cache.get('store-1')).toBeUndefined()
    expect(cache.get(`store-${fitting}`)).toBeDefined()
  })

  it('is refused when it is too deep or too large for an entry', async () => {
    const nest = (levels: number): unknown => (levels === 0 ? 1 : { a: nest(levels - 1) })
    const deepest = { ...value, x: nest(limits.storeSchemaDepthMax - 1) }
    expect(encodeSchema(deepest).schema.collections.size).toBe(1)
    const tooDeep = async () => encodeSchema({ ...value, x: nest(limits.storeSchemaDepthMax) })
    expect(await codeOf(tooDeep())).toBe('store-schema-invalid')
    const tooLarge = async () =>
      encodeSchema({ ...value, x: 'ü'.repeat(limits.storeSchemaBytesMax / 2) })
    expect(await codeOf(tooLarge())).toBe('store-schema-invalid')
  })
})
