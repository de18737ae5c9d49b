import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { sharedPostgres } from '../../../test/support/postgres/test-database.ts'
import { encodeCounter } from '../../core/engine/counter.ts'
import type { Entry } from '../../core/engine/engine.ts'
import { put, text, within } from '../conformance/basics.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres, type PostgresEngine } from './postgres.ts'

const counter = Buffer.from('counter')

describe('restoring into PostgreSQL', () => {
  let url: string
  let engine: PostgresEngine
  beforeEach(async () => {
    url = await sharedPostgres.createDatabase()
    engine = await openPostgres(parsePostgresAddress(url))
    onTestFinished(() => engine.close())
  })

  it('restores entries with their revisions, over existing ones', async () => {
    await put(engine, [Buffer.from('a/1'), 'old'], [Buffer.from('a/2'), 'stays'])
    const entries = Array.from({ length: 12_000 }, (_, index): Entry => {
      const value = Buffer.from(`value ${index}`)
      return { key: Buffer.from(`a/${index}`), value, revision: 900 + index }
    }).filter(({ key }) => key.toString() !== 'a/2')
    await engine.restore(entries, 20_000)
    const found = await engine.get(entries.map(({ key }) => key))
    const wrong = entries.filter(
      ({ value, revision }, index) =>
        found[index]?.revision !== revision || text(found[index]?.value) !== text(value),
    )
    expect(wrong).toEqual([])
    expect(text((await engine.get([Buffer.from('a/2')]))[0]?.value)).toBe('stays')
    expect(await put(engine, [Buffer.from('b'), 'next'])).toBeGreaterThan(20_000)
  })

  it('restores counters, which go on counting', async () => {
    const entry = { key: counter, value: encodeCounter(-5n), revision: 7, isCounter: true }
    await engine.restore([entry], 7)
    await engine.commit({ sums: [{ key: counter, delta: 2n }] })
    const [found] = await engine.get([counter])
    expect(found?.isCounter).toBe(true)
    expect(encodeCounter(-3n).equals(found?.value ?? counter)).toBe(true)
  })

  it('never sets revisions back', async () => {
    await engine.restore([], 5_000)
    await engine.restore([], 3)
    expect(await put(engine, [counter, 'x'])).toBeGreaterThan(5_000)
  })

  it('restores everything or nothing', async () => {
    await sharedPostgres.query(`alter table coatcheck_entry add check (key <> 'z')`, url)
    const entryOf = (name: string): Entry => {
      return { key: Buffer.from(name), value: Buffer.alloc(1_048_576), revision: 1 }
    }
    const entries = ['y1', 'y2', 'y3', 'y4', 'y5', 'y6', 'z'].map(entryOf)
    await expect(engine.restore(entries, 1)).rejects.toMatchObject({ applied: 'no' })
    const page = await engine.scan(within(Buffer.from('y')), { limit: 9, bytes: 9 })
    expect(page.entries).toEqual([])
    await put(engine, [counter, 'goes on'])
  })
})
