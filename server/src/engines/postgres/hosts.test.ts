import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PostgresServer } from '../../../test/support/postgres/postgres.ts'
import { put, text } from '../conformance/basics.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres, type PostgresEngine } from './postgres.ts'

const key = Buffer.from('key')

describe('several hosts of PostgreSQL', () => {
  let primary: PostgresServer
  let standby: PostgresServer
  /** What the engine told its operator. */
  let told: string[]
  beforeEach(async () => {
    told = []
    primary = await PostgresServer.start()
    standby = await PostgresServer.startStandbyOf(primary)
  })
  afterEach(() => Promise.all([primary.cleanUp(), standby.cleanUp()]))

  async function open(...ports: readonly number[]): Promise<PostgresEngine> {
    const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',')
    const address = parsePostgresAddress(`postgres://coatcheck@${hosts}/postgres`)
    const engine = await openPostgres(address, { log: (sentence) => told.push(sentence) })
    onTestFinished(() => engine.close())
    return engine
  }

  it('are searched for the one that takes writes, in any order', async () => {
    const engine = await open(1, standby.port, primary.port)
    await put(engine, [key, 'x'])
    await expect(open(1, standby.port)).rejects.toMatchObject({ failure: 'unavailable' })
    await expect(open(1, standby.port)).rejects.toThrow(/standby/)
  })

  it('let a standby take over without losing acknowledged writes', async () => {
    await replicate(primary)
    const engine = await open(primary.port, standby.port)
    const before = await put(engine, [key, 'before'])
    await primary.kill()
    await standby.query('alter system reset synchronous_standby_names')
    await standby.reload()
    await standby.query('select pg_promote()')
    const after = await untilWritten(engine)
    expect(text((await engine.get([key]))[0]?.value)).toBe('before')
    expect(after).toBeGreaterThan(before)
    // The old primary takes writes too when it starts again, but the engine never goes back to it.
    await primary.start()
    await put(engine, [key, 'after'])
    expect(text((await engine.get([key]))[0]?.value)).toBe('after')
    expect(await standby.query('select count(*)::int as count from coatcheck_entry')).toEqual([
      { count: 2 },
    ])
    expect((await engine.health()).notes.join()).not.toContain('lacked')
    const [old, now] = [primary.port, standby.port]
    expect(told).toEqual([
      `PostgreSQL at 127.0.0.1:${now} takes the writes now; before, 127.0.0.1:${old} did`,
    ])
  })

  it('tell when one takes writes again, and promise nothing while none does', async () => {
    const engine = await open(primary.port)
    await replicate(primary)
    expect(await engine.health()).toMatchObject({ durability: 'replicated' })
    await primary.stop()
    await vi.waitUntil(async () => (await engine.health()).whyNot !== undefined, {
      timeout: 20_000,
    })
    expect(await engine.health()).toMatchObject({ durability: 'unknown' })
    await primary.start()
    await untilWritten(engine)
    expect(told).toEqual([`PostgreSQL at 127.0.0.1:${primary.port} takes the writes again`])
    // Reads have a connection of their own, which may come back a little later.
    await vi.waitUntil(async () => (await engine.health()).whyNot === undefined)
  })

  it('lose all sessions of the engine when another host takes the writes', async () => {
    const engine = await open(primary.port, standby.port)
    await put(engine, [key, 'before'])
    await engine.get([key])
    await caughtUp(standby, 1)
    await primary.query('alter system set default_transaction_read_only = on')
    await primary.reload()
    await standby.query('select pg_promote()')
    await put(engine, [key, 'after'])
    expect(text((await engine.get([key]))[0]?.value)).toBe('after')
    const sessions = `select 1 from pg_stat_activity where application_name = 'coatcheck'`
    while ((await primary.query(sessions)).length > 0) await sleep(10)
  })

  it('never give a revision twice; health reports a new primary that lacks commits', async () => {
    const engine = await open(primary.port, standby.port)
    await put(engine, [key, 'replicated'])
    await caughtUp(standby, 1)
    await standby.stop()
    const lost = await put(engine, [key, 'lost'])
    await primary.kill()
    await standby.start()
    await standby.query('select pg_promote()')
    expect(await untilWritten(engine)).toBeGreaterThan(lost)
    expect(text((await engine.get([key]))[0]?.value)).toBe('replicated')
    expect((await engine.health()).notes.join()).toContain('lacked')
  })

  it('say whether writes are on more than one disk', async () => {
    const engine = await open(primary.port)
    expect(await engine.health()).toMatchObject({ whyNot: undefined, durability: 'single' })
    await replicate(primary)
    expect(await engine.health()).toMatchObject({ durability: 'replicated' })
    await standby.stop()
    while ((await primary.query('select 1 from pg_stat_replication')).length > 0) await sleep(10)
    expect(await engine.health()).toMatchObject({ durability: 'degraded' })
    const { now, notes } = await engine.health()
    expect(Number.isSafeInteger(now)).toBe(true)
    expect(notes.join(' ')).toContain('0 of the 1 standbys')
  })
})

/** From now on each write waits for the standby. */
async function replicate(primary: PostgresServer): Promise<void> {
  await primary.query(`alter system set synchronous_standby_names = 'ANY 1 (*)'`)
  await primary.reload()
  const quorum = `select 1 from pg_stat_replication where sync_state = 'quorum'`
  while ((await primary.query(quorum)).length === 0) await sleep(10)
}

async function caughtUp(standby: PostgresServer, entries: number): Promise<void> {
  const count = 'select count(*)::int as count from coatcheck_entry'
  for (;;) {
    const [row] = await standby.query(count).catch(() => [])
    if (row?.count === entries) return
    await sleep(10)
  }
}

async function untilWritten(engine: PostgresEngine): Promise<number> {
  for (;;) {
    try {
      return await put(engine, [Buffer.from('written'), 'x'])
    } catch (error) {
      expect(error).toMatchObject({ failure: 'unavailable' })
      await sleep(20)
    }
  }
}
