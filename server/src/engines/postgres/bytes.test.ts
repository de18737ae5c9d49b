import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedPostgres } from '../../../test/support/postgres/test-database.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres, type PostgresEngine } from './postgres.ts'

const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** Large values come in many packets, which may end anywhere. */
function repeated(bytes: number): Buffer {
  return Buffer.alloc(bytes, Buffer.concat([every, Buffer.from([0xc3, 0x28, 0xff, 0])]))
}

describe('bytes in PostgreSQL', () => {
  let engine: PostgresEngine
  beforeAll(async () => {
    engine = await openPostgres(parsePostgresAddress(await sharedPostgres.createDatabase()))
  })
  afterAll(async () => {
    await engine.close()
  })

  for (const [name, value] of [
    ['none', Buffer.alloc(0)],
    ['every one', every],
    ['1 MiB', repeated(1_048_576)],
    ['2 MiB', repeated(2 * 1_048_576)],
  ] as const) {
    it(`come back as they were: ${name}`, async () => {
      const key = Buffer.concat([Buffer.from(name), every])
      await engine.commit({ puts: [{ key, value }] })
      const [entry] = await engine.get([key])
      const end = Buffer.concat([key, Buffer.from([0])])
      const page = await engine.scan({ start: key, end }, { limit: 1, bytes: 1 })
      for (const found of [entry, page.entries[0]]) {
        expect(key.equals(found?.key ?? Buffer.alloc(0))).toBe(true)
        expect(value.equals(found?.value ?? Buffer.from('none'))).toBe(true)
      }
    })
  }

  it('come back as they were when many gets run at once', async () => {
    const keys = Array.from({ length: 256 }, (_, byte) => Buffer.from(`many ${byte}`))
    const bytesOf = (index: number): Buffer => Buffer.alloc(1 + index * 40, index)
    const puts = keys.map((key, index) => ({ key, value: bytesOf(index) }))
    await engine.commit({ puts })
    const found = await Promise.all(keys.map((key) => engine.get([key])))
    const wrong = found.filter(([entry], index) => !bytesOf(index).equals(entry?.value ?? every))
    expect(wrong).toEqual([])
  })

  it('are read only as far as a page holds', async () => {
    const keys = Array.from({ length: 40 }, (_, index) => Buffer.from(`page ${index + 10}`))
    for (const key of keys) await engine.commit({ puts: [{ key, value: repeated(1_048_576) }] })
    const range = { start: Buffer.from('page '), end: Buffer.from('page!') }
    const page = await engine.scan(range, { limit: 1_000, bytes: 3 * 1_048_576 })
    expect([page.entries.length, page.more]).toEqual([3, true])
  })
})
