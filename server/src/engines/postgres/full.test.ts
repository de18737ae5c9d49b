import { expect, it, onTestFinished } from 'vitest'
import { mountSmallDisk } from '../../../test/support/data/small-disk.ts'
import { PostgresServer } from '../../../test/support/postgres/postgres.ts'
import { put } from '../conformance/basics.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres } from './postgres.ts'

const diskBytes = 16 * 1_048_576
const value = 'x'.repeat(100_000)
/** More than the disk can hold. */
const putsMax = 1_000

it('refuses a write if the disk of PostgreSQL is full, keeps the rest and goes on', async () => {
  const server = await PostgresServer.start()
  onTestFinished(() => server.cleanUp())
  const disk = mountSmallDisk(diskBytes)
  server.own(disk.path)
  const url = await server.createDatabase()
  const engine = await openPostgres(parsePostgresAddress(url))
  onTestFinished(() => engine.close())
  await server.query(`create tablespace small location '${disk.path}'`)
  await server.query('alter table coatcheck_entry set tablespace small', url)

  const kept: Buffer[] = []
  let refusal: unknown
  while (refusal === undefined && kept.length < putsMax) {
    const key = Buffer.from(`key ${kept.length}`)
    refusal = await put(engine, [key, value]).then(
      () => void kept.push(key),
      (error: unknown) => error,
    )
  }
  expect(kept.length).toBeGreaterThan(20)
  expect(refusal).toMatchObject({ failure: 'full', applied: 'no' })
  const found = await engine.get(kept)
  expect(found.filter((entry) => entry?.value.length !== value.length)).toEqual([])
  expect(await engine.get([Buffer.from(`key ${kept.length}`)])).toEqual([undefined])

  disk.grow(2 * diskBytes)
  await put(engine, [Buffer.from('later'), value])
})
